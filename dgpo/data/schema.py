"""The parquet schema of a verl prompt file: build a row, write a file, find what is wrong with one.

verl reads a row as it stands and looks at it late: a missing ground truth is met in a reward worker, after
the cluster has started. `check_parquet` finds such faults beforehand.
"""

import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.errors import one_line
from dgpo.files import disguise, draft_of

ROLES = ("system", "user", "assistant", "tool")
"""Message roles that chat templates know; another role renders without complaint and is never trained on."""

_BATCH_ROWS = 8192
_READ = ("data_source", "reward_model", "extra_info", "agent_name")
"""Beside the prompt."""


class Message(TypedDict):
    role: str
    content: str


class RewardModel(TypedDict):
    style: str
    ground_truth: str


class PromptRow(TypedDict):
    """One row: what verl's dataset reads, and `extra_info`, which it hands on to the reward."""

    prompt: list[Message]
    data_source: str
    ability: str
    reward_model: RewardModel
    extra_info: dict[str, str | int | float]


_TEXTS = ("split", "level", "problem", "id", "source", "revision", "subject", "raw_answer")
_EXTRA_INFO = [("index", pa.int64()), *((name, pa.string()) for name in _TEXTS)]
"""Every file has all of them: verl concatenates its training files, which must then agree."""


def make_row(
    *,
    problem: str,
    ground_truth: str,
    data_source: str,
    index: int,
    split: str,
    level: str = "",
    id: str = "",
    source: str = "",
    revision: str = "",
    subject: str = "",
    raw_answer: str = "",
    before: Sequence[Message] = (),
    user: str | None = None,
) -> PromptRow:
    """One prompt as verl reads it: the messages `before`, such as a system message, and the user's.

    `user` is the text shown to the model, where it differs from the bare `problem` (an instruction added,
    say). `id` names the problem within its `source` (a hub id, say) at `revision`; without one it is the index.
    `level` and `subject` are the source's own words, `raw_answer` its own spelling of the answer.

    Raises ValueError where `problem`, `ground_truth`, `data_source` or `split` is blank.
    """
    named = {"problem": problem, "ground_truth": ground_truth, "data_source": data_source, "split": split}
    for name, value in named.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"make_row: {name}={value!r} (index {index}): give a non-empty string")
    texts = {"split": split, "problem": problem, "level": level, "subject": subject, "id": id or str(index)}
    texts |= {"source": source, "revision": revision, "raw_answer": raw_answer or ground_truth}
    return {
        "prompt": [*before, {"role": "user", "content": problem if user is None else user}],
        "data_source": data_source,
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": ground_truth},
        "extra_info": {"index": index, **texts},
    }


def write_parquet(rows: Sequence[PromptRow], path: str | os.PathLike[str]) -> Path:
    """Writes the rows to `path` in one step (a reader sees the old file or the whole new one); returns the path.

    The same rows give the same bytes under the same pyarrow. Fields of `extra_info` beyond the schema's own come after
    them in alphabetical order, null in the rows that lack them. ValueError where there are no rows.
    """
    path = Path(path)
    if not rows:
        raise ValueError(f"write_parquet: no rows for {path}: verl cannot start on an empty file; give at least one")
    more = sorted({name for row in rows for name in row["extra_info"]} - dict(_EXTRA_INFO).keys())
    of_more = [(name, pa.array([row["extra_info"].get(name) for row in rows]).type) for name in more]
    schema = pa.schema(
        [
            ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
            ("data_source", pa.string()),
            ("ability", pa.string()),
            ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
            ("extra_info", pa.struct([*_EXTRA_INFO, *of_more])),
        ]
    )
    table = pa.Table.from_pylist(list(rows), schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft_of(path) as draft:
        pq.write_table(table, draft, compression="zstd")
    return path


class Occurrences(dict[str, tuple[int, int, object]]):
    """For each text: the number of rows it applies to, the first of them (from 0) and that row's value."""

    def add(self, text: str, row: int, value: object = None) -> None:
        """Count a row under ``text``."""
        count, first_row, first_value = self.get(text, (0, row, value))
        self[text] = count + 1, first_row, first_value

    def lines(self) -> list[str]:
        """A line for each text, with its first row; ``{value}`` in the text stands for that row's value."""
        lines = []
        for text, (count, row, value) in self.items():
            more = f" ({count - 1} more rows have it)" if count > 1 else ""
            lines.append(f"row {row}: {text.replace('{value}', f'{value!r:.80}')}{more}")
        return lines


def name_fault(path: str | os.PathLike[str]) -> list[str]:
    """What of a prompt file's name would stop verl from loading it, as `check_parquet` says it."""
    name = os.fspath(path)
    if signs := "".join(sign for sign in "*?[" if sign in name):
        return [f"verl's loader reads {signs} in a path as a pattern; list the files, or rename one so named"]
    if Path(path).is_file() and not name.endswith(".parquet"):
        return ["verl loads files that end in .parquet; rename parquet, or else `dgpo data prepare` it"]
    return []


def check_parquet(
    path: str | os.PathLike[str],
    prompt_key: str = "prompt",
    visit: Callable[[int, dict[str, Any]], None] = lambda place, row: None,
) -> list[str]:
    """What would stop verl from training on this file; an empty list where nothing would.

    Each message has the first row at fault (counted from 0), its value and the remedy, and says how many rows share the
    fault. Only the columns that verl needs are read, in batches; `visit` gets the place of each row without a fault,
    and the row.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        return [f"{what}; give a parquet file of prompts: `dgpo data prepare` makes it of a data set"]
    try:
        with pq.ParquetFile(path) as file:
            names, rows = file.schema_arrow.names, file.metadata.num_rows
        missing = [name for name in (prompt_key, "data_source", "reward_model") if name not in names]
        there = f"is missing (columns: {', '.join(names)}); `dgpo data prepare` writes it"
        problems = [f"column {name!r} {there}" for name in missing]
        problems += [] if rows else ["has 0 rows; write at least one prompt"]
        if not problems:
            faults = Occurrences()
            for place, row in enumerate(prompt_rows(path, (prompt_key, *_READ))):
                found = list(_faults(row, prompt_key))
                for fault, value in found:
                    faults.add(fault, place, value)
                if not found:
                    visit(place, row)
            problems = faults.lines()
        return problems
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if what := disguise(path):
            return [f"it {what}"]
        return [f"cannot be read as parquet ({one_line(error)}); write the file again or copy it again"]


def prompt_rows(
    path: str | os.PathLike[str], columns: Collection[str], most: int | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of a prompt file, at most so many, with those of the columns that it has; none where it has none of them.
    OSError or pyarrow.ArrowException where it cannot be read, of which `check_parquet` tells."""
    with pq.ParquetFile(Path(path).expanduser()) as file:
        if there := [name for name in columns if name in file.schema_arrow.names]:
            batches = file.iter_batches(most or _BATCH_ROWS, columns=there)
            yield from itertools.islice((row for batch in batches for row in _sound(batch)), most)


def _sound(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    batch.validate(full=True)  # pages carry no checksum: damage may show only as text that is not UTF-8
    return batch.to_pylist()


def _faults(row: Mapping[str, Any], prompt_key: str) -> Iterator[tuple[str, object]]:
    """What is wrong with a row, with the value."""
    model, info, messages = row["reward_model"], row.get("extra_info"), row[prompt_key]
    if not _is_text(row["data_source"]):
        yield "data_source is {value}; give every row the name of its source, a string", row["data_source"]
    if not isinstance(model, Mapping | None):
        yield "reward_model is {value}; make it a struct {'ground_truth': ...}, the answer as a string", model
    elif not _is_text(truth := (model or {}).get("ground_truth")):
        yield "reward_model.ground_truth is {value}; give every row its answer as a non-empty string, or drop it", truth
    if not isinstance(info, Mapping | None):
        yield "extra_info is {value}; make it a struct, or leave it out", info
        return
    if not isinstance(messages, list) or not messages or not all(isinstance(each, Mapping) for each in messages):
        yield "prompt is {value}; give every row at least one message {'role': ..., 'content': ...}", messages
        return
    roles, contents = ([message.get(field) for message in messages] for field in ("role", "content"))
    if unknown := [role for role in roles if role not in ROLES]:
        yield f"prompt has a message whose role is {{value}}; use one of {', '.join(ROLES)}", unknown[0]
    # In an agent's task the environment asks.
    if "user" not in roles and not (info or {}).get("env"):
        yield "prompt has no message of a user (roles: {value}); give every row a question", ", ".join(map(str, roles))
    if empty := [content for content in contents if not _is_text(content)]:
        yield "prompt has a message whose content is {value}; give every message a non-empty string", empty[0]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""
