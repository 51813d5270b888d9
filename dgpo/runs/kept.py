"""Prompt groups that a training has kept whole: ``rollouts/STEP/`` of its folder, and ``rollouts/tokenizer``.

``groups-N.parquet``, by the trainer: a row an answer, what was asked, written and said of it (`ANSWERS`).
``tokens-RANK.parquet``, by a rank of the actor: a row an answer, what the loss was given of each token (`TOKENS`).
Both have the answer's ``row``, which no other answer of the run has. Columns are compressed.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.errors import loading
from dgpo.files import draft_of, make_folder

LIMIT_BYTES = 512 << 20
"""Of all kept groups of a run; beyond it every second step goes."""
ROWS = 1 << 20
"""Rows of a step: the first is step · `ROWS`."""
UNFINISHED = "\ufffd"
MOST_BYTES = 4
"""Of a character in UTF-8: as many tokens may share one."""

ANSWERS = pa.schema(
    [
        ("row", pa.int64()),
        ("group", pa.string()),  # verl's uid of the prompt
        ("answer", pa.string()),  # session and output within it
        ("prompt", pa.string()),  # messages as JSON
        ("ground_truth", pa.string()),
        ("data_source", pa.string()),
        ("score", pa.float64()),
        ("said", pa.string()),  # what the reward function returned, as JSON
        ("turns", pa.string()),  # of an agent's episode, as JSON
        ("staleness", pa.int64()),  # steps between the weights that wrote it and those that it trained
        ("entropy", pa.list_(pa.float32())),
        ("rollout_log_prob", pa.list_(pa.float32())),
    ]
)
TOKENS = pa.schema(
    [
        ("row", pa.int64()),
        ("token", pa.list_(pa.int32())),
        ("old_log_prob", pa.list_(pa.float32())),
        ("log_prob", pa.list_(pa.float32())),
        ("advantage", pa.list_(pa.float32())),
        ("mask", pa.list_(pa.bool_())),
    ]
)


@dataclass(frozen=True)
class KeptAnswer:
    """One answer of a kept group; the arrays are `(T,)`, of its tokens.

    Attributes:
        group: of its prompt, unique in the step.
        prompt: chat messages, role and content.
        said: what the reward function returned.
        turns: of an agent's episode, or none.
        staleness: steps between the weights that wrote it and those that it trained.
        entropy: nats, or None where the trainer had none.
        mask: false where the loss ignores a token, as a tool's.
    """

    step: int
    group: str
    answer: str
    prompt: list[dict[str, Any]]
    ground_truth: str | None
    data_source: str | None
    score: float | None
    said: dict[str, Any]
    turns: list[dict[str, Any]]
    staleness: int
    token: np.ndarray
    old_log_prob: np.ndarray
    log_prob: np.ndarray
    advantage: np.ndarray
    mask: np.ndarray
    entropy: np.ndarray | None
    rollout_log_prob: np.ndarray | None


def write_rows(file: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows of `ANSWERS` or `TOKENS` in one step; UserError where the disk is full, say."""
    make_folder(file.parent, "run.keep_rollouts")
    with draft_of(file) as draft:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), draft, compression="zstd")


def kept_steps(folder: Path) -> dict[int, Path]:
    """The folders of steps in ``rollouts``, by step."""
    folders = [path for path in folder.glob("[0-9]*") if path.name.isdecimal() and path.is_dir()]
    return {int(path.name): path for path in sorted(folders, key=lambda path: int(path.name))}


def thin(folder: Path, limit: int = LIMIT_BYTES) -> None:
    """Delete every second step, never the first or the last, until what is left takes at most ``limit`` bytes."""
    steps = list(kept_steps(folder).values())
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in steps}
    while sum(sizes[path] for path in steps) > limit and len(steps) > 2:
        for path in steps[1:-1:2]:
            shutil.rmtree(path, ignore_errors=True)
        steps = [steps[0], *steps[2:-1:2], steps[-1]]


def read_step(folder: Path) -> Iterator[KeptAnswer]:
    """The answers of one step's folder, in the order of groups; those without tokens, which no update has seen, are
    left out.

    A file that cannot be read is named on stderr and left out too.
    """
    tokens = {row["row"]: row for row in _rows(folder.glob("tokens-*.parquet"))}
    for row in _rows(folder.glob("groups-*.parquet")):
        if trained := tokens.get(row["row"]):
            arrays: dict[str, Any] = {name: np.asarray(trained[name], kind) for name, kind in _ARRAYS.items()}
            extra: dict[str, Any] = {
                name: _optional(row[name], len(arrays["token"])) for name in ("entropy", "rollout_log_prob")
            }
            texts = {name: row[name] for name in ("group", "answer", "ground_truth", "data_source", "score")}
            parsed = {name: json.loads(row[name]) for name in ("prompt", "said", "turns")}
            yield KeptAnswer(int(folder.name), **texts, **parsed, staleness=row["staleness"], **arrays, **extra)


_ARRAYS: dict[str, Any] = {field.name: field.type.value_type.to_pandas_dtype() for field in list(TOKENS)[1:]}
"""NumPy's type of each array of a `KeptAnswer`, by name."""


def _optional(values: list[float] | None, length: int) -> np.ndarray | None:
    return None if values is None or len(values) != length else np.asarray(values, np.float32)


def _rows(files: Iterator[Path]) -> Iterator[dict[str, Any]]:
    for file in sorted(files):
        try:
            yield from pq.read_table(file).to_pylist()
        except (OSError, pa.ArrowException) as error:
            print(f"warning: {file} is left out: {error}", file=sys.stderr)


class Pieces:
    """Decodes tokens one by one, special ones too, by the ``tokenizer.json`` in a folder; UserError without one."""

    def __init__(self, folder: Path):
        with loading("tokenizer", f"{folder}/tokenizer.json", "copy the model's there"):
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # Each is decoded after an ordinary one: a tokenizer may drop the space that a text begins with.
        self._anchor = self._tokenizer.encode("a", add_special_tokens=False).ids[-1:]
        self._before = len(self._decode([]))
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, tokens: Sequence[int]) -> list[str]:
        """A text a token; of several that share a character, the last one has it and the others have none."""
        texts: list[str] = []
        waiting: tuple[int, ...] = ()
        for token in tokens:
            waiting += (token,)
            text = self._known.get(waiting)
            if text is None:
                text = self._known[waiting] = self._decode(list(waiting))[self._before :]
            if text.endswith(UNFINISHED) and len(waiting) < MOST_BYTES and len(texts) + 1 < len(tokens):
                texts.append("")
            else:
                texts.append(text)
                waiting = ()
        return texts

    def text(self, tokens: Sequence[int]) -> str:
        """What a reward function is given of them: without special tokens."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True)

    def _decode(self, tokens: list[int]) -> str:
        return self._tokenizer.decode([*self._anchor, *tokens], skip_special_tokens=False)
