"""``dgpo data check``: is a prompt file fit to train or to evaluate on?

After the columns (`check_parquet`), every ground truth must verify against itself, and the file must be the one
that its manifest describes. Lengths and duplicates are reported, not judged.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from dgpo.data.answers import ground_truth_fault
from dgpo.data.duplicates import normal_form
from dgpo.data.instructions import ELSEWHERE, asks_elsewhere
from dgpo.data.manifest import parquet_content_hash, read_manifest
from dgpo.data.media import is_media_column, prompt_fault
from dgpo.data.schema import Occurrences, check_parquet, name_fault, prompt_rows
from dgpo.errors import UserError, one_line
from dgpo.files import file_sha256

_SHOWN = 10
_ELSEWHERE = f"{ELSEWHERE}; `dgpo data prepare` takes such instructions off"
_ANSWERED = "end with an assistant's message, after which the model begins a new one; leave that message out"


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
    examination = Examination(path, faults=name_fault(path) or check_parquet(path) or load_fault(path))
    if examination.faults:
        return examination
    truths, faults, warned = Occurrences(), Occurrences(), Occurrences()
    problems: Counter[int] = Counter()
    ids: Counter[int] = Counter()
    lengths: list[int] = []
    for row, values in enumerate(prompt_rows(path, ("prompt", "reward_model", "extra_info"))):
        info, messages = values.get("extra_info") or {}, values["prompt"]
        text = "".join(message["content"] for message in messages)
        lengths.append(len(text))
        truths.add(values["reward_model"]["ground_truth"], row)
        if fault := prompt_fault(text):
            faults.add(f"the prompt {fault}", row)
        if asks_elsewhere(text):
            warned.add(_ELSEWHERE, row)
        if messages[-1]["role"] == "assistant":
            warned.add(_ANSWERED, row)
        # Without the raw problem it is what the user says last.
        questions = [message for message in messages if message["role"] == "user"] or messages
        problems[hash(normal_form(str(info.get("problem") or questions[-1]["content"])))] += 1
        if info.get("id") is not None:
            ids[hash(info["id"])] += 1
    examination.rows = len(lengths)
    for truth, met in truths.items():
        if fault := ground_truth_fault(truth):
            faults[f"ground truth {truth!r:.80} {fault}; correct it or drop the row, as `dgpo data prepare` does"] = met
    examination.faults += [f"{path}: {fault}" for fault in faults.lines()]
    examination.warnings = [f"{count} prompts {what} (first: row {row})" for what, (count, row, _) in warned.items()]
    examination.facts.append(f"characters a prompt: {min(lengths)} to {max(lengths)}, median {median(lengths):.0f}")
    examination.facts.append(f"distinct ground truths: {len(truths)}")
    for what, counts in (("problem", problems), ("extra_info.id", ids)):
        repeats = sum(counts.values()) - len(counts) if counts else "no such field"
        examination.facts.append(f"rows that repeat the {what} of an earlier one: {repeats}")
    _compare_with_manifest(path, examination)
    return examination


def load_fault(path: Path) -> list[str]:
    """Why the datasets library, by which verl loads a prompt file, does not take it; and pictures, as `check_parquet`
    says it.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        rows = datasets.load_dataset("parquet", data_files=str(path))["train"]
    except Exception as error:  # the library raises what it likes
        reason = one_line(error.__cause__ or error)
        return [f"{path}: the datasets library, by which verl loads it, refuses it ({reason}); write the file again"]
    for name in filter(is_media_column, rows.column_names):
        if (row := next((place for place, value in enumerate(rows[name]) if value), None)) is not None:
            return [f"{path}: row {row}: column {name!r} is not empty, and only text is trained on; drop it"]
    return []


def _compare_with_manifest(path: Path, examination: Examination) -> None:
    try:
        manifest = read_manifest(path)
    except UserError as error:
        examination.faults.append(str(error))
        return
    if manifest is None:
        examination.facts.append("manifest: none beside it")
    elif file_sha256(path) == manifest.sha256:
        origin = f"{manifest.source} {manifest.revision}".strip()
        examination.facts.append(f"manifest: agrees (source: {origin}, template: {manifest.template})")
    elif parquet_content_hash(path) == manifest.content_hash:
        examination.facts.append("manifest: the same problems and answers in other bytes; the file was written again")
    else:
        examination.faults.append(
            f"{path}: is not the file of its manifest (sha256 {manifest.sha256[:12]}..., {manifest.rows_out} rows); "
            "prepare it again, or remove the manifest of a file that you changed"
        )
