"""``dgpo data check``: is a prompt file fit to train or to evaluate on?

After the columns (`check_parquet`), every ground truth must verify against itself, and the file must be the one
that its manifest describes. Lengths and duplicates are reported, not judged.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

from dgpo.data.answers import ground_truth_faults
from dgpo.data.duplicates import normal_form
from dgpo.data.escapes import eaten
from dgpo.data.instructions import asks_elsewhere
from dgpo.data.loadable import load_fault, name_fault
from dgpo.data.manifest import parquet_content_hash, read_manifest
from dgpo.data.media import placeholder_in
from dgpo.data.schema import check_parquet
from dgpo.errors import UserError
from dgpo.files import file_sha256

_SHOWN = 10


@dataclass
class Examination:
    """What is wrong with a file, with row and remedy; what may be; and what else a person should know of it."""

    path: Path
    rows: int = 0
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The first faults, and the facts, a line each."""
        lines = self.faults[:_SHOWN] or [f"{self.path}: {self.rows} prompts, no fault found"]
        if len(self.faults) > _SHOWN:
            lines.append(f"{self.path}: {len(self.faults) - _SHOWN} more faults")
        lines += [f"warning: {self.path}: {each}" for each in self.warnings]
        return "\n".join([*lines, *(f"  {fact}" for fact in self.facts)])


def examine(path: Path) -> Examination:
    """Reads the whole file, in batches; each distinct problem and answer is held once."""
    found = Examination(path, faults=name_fault(path) or check_parquet(path) or load_fault(path))
    if found.faults:
        return found
    first_row: dict[str, int] = {}
    truths: dict[str, int] = {}
    problems: Counter[int] = Counter()
    ids: Counter[int] = Counter()
    lengths: list[int] = []
    texts = _Texts()
    for row, (text, problem, id, truth) in enumerate(_rows(path)):
        lengths.append(len(text))
        texts.look(row, text)
        first_row.setdefault(truth, row)
        truths[truth] = truths.get(truth, 0) + 1
        problems[hash(normal_form(problem))] += 1
        if id is not None:
            ids[hash(id)] += 1
    found.rows = len(lengths)
    found.faults += [f"{path}: {fault}" for fault in (*texts.faults(), *_truth_faults(first_row, truths))]
    found.warnings += texts.warnings()
    found.facts.append(f"characters a prompt: {min(lengths)} to {max(lengths)}, median {median(lengths):.0f}")
    found.facts.append(f"distinct ground truths: {len(truths)}")
    for what, counts in (("problem", problems), ("extra_info.id", ids)):
        again = sum(counts.values()) - len(counts)
        found.facts.append(f"rows that repeat the {what} of an earlier one: {again if counts else 'no such field'}")
    _compare_with_manifest(path, found)
    return found


class _Texts:
    """What is wrong with the texts of prompts: each fault with its first row and the number of rows."""

    def __init__(self) -> None:
        self._faults: dict[str, tuple[int, int]] = {}
        self._elsewhere: list[int] = []

    def look(self, row: int, text: str) -> None:
        """Take note of one row's messages."""
        fault = eaten(text, is_answer=False)
        if sign := placeholder_in(text):
            fault = f"has {sign!r}, the place of a picture, and only text is trained on"
        if fault:
            first, count = self._faults.get(fault, (row, 0))
            self._faults[fault] = (first, count + 1)
        if asks_elsewhere(text):
            self._elsewhere.append(row)

    def faults(self) -> list[str]:
        """A line each."""
        return [f"row {row}: the prompt {what}{_more(count)}" for what, (row, count) in self._faults.items()]

    def warnings(self) -> list[str]:
        """What the prompts ask for that earns no reward here, a line each."""
        if not self._elsewhere:
            return []
        return [
            f"{len(self._elsewhere)} prompts want the answer elsewhere than in \\boxed{{}}, where the reward reads it "
            f"(first: row {self._elsewhere[0]}); `dgpo data prepare` takes such instructions off"
        ]


def _more(rows: int) -> str:
    return f" ({rows - 1} more rows have it)" if rows > 1 else ""


def _rows(path: Path) -> Iterator[tuple[str, str, Any, str]]:
    """Text of all messages, problem (the last user message, where there is no raw one), id, and ground truth."""
    with pq.ParquetFile(path) as file:
        columns = [name for name in ("prompt", "reward_model", "extra_info") if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=8192, columns=columns):
            for row in batch.to_pylist():
                info = row.get("extra_info") or {}
                contents = [message["content"] for message in row["prompt"]]
                raw = info.get("problem") or contents[-1]
                yield "".join(contents), str(raw), info.get("id"), row["reward_model"]["ground_truth"]


def _truth_faults(first_row: dict[str, int], rows: dict[str, int]) -> Iterator[str]:
    truths = list(first_row)
    for truth, fault in zip(truths, ground_truth_faults(truths), strict=True):
        if fault:
            what = f"ground truth {truth!r:.80} {fault}; correct it or drop the row"
            yield f"row {first_row[truth]}: {what}{_more(rows[truth])}"


def _compare_with_manifest(path: Path, found: Examination) -> None:
    try:
        manifest = read_manifest(path)
    except UserError as error:
        found.faults.append(str(error))
        return
    if manifest is None:
        found.facts.append("manifest: none beside it")
    elif file_sha256(path) == manifest.sha256:
        origin = f"{manifest.source} {manifest.revision}".strip()
        found.facts.append(f"manifest: agrees (source: {origin}, template: {manifest.template})")
    elif parquet_content_hash(path) == manifest.content_hash:
        found.facts.append("manifest: the same problems and answers in other bytes; the file was written again")
    else:
        found.faults.append(
            f"{path}: is not the file of its manifest (sha256 {manifest.sha256[:12]}..., {manifest.rows_out} rows); "
            "prepare it again, or remove the manifest of a file that you changed"
        )
