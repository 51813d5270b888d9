"""What a prompt file holds, read once: for ``dgpo data check``, and for the checks before a run.

After the columns (`check_parquet`), prompts and ground truths are looked at. ``dgpo data check`` asks besides that each
ground truth verifies against itself, and that the file is the one that its manifest describes; lengths and duplicates
are reported, not judged.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from dgpo.data.answers import ground_truth_fault
from dgpo.data.duplicates import normal_form
from dgpo.data.instructions import ELSEWHERE, asks_elsewhere
from dgpo.data.manifest import parquet_content_hash, read_manifest
from dgpo.data.media import is_media_column, prompt_fault
from dgpo.data.schema import Message, Occurrences, check_parquet, name_fault
from dgpo.errors import UserError, one_line
from dgpo.files import file_sha256

FIRST = 2
_SHOWN = 10
_ANSWERED = "end with an assistant's message, after which the model begins a new one; leave that message out"
_MENDED = {ELSEWHERE: "; `dgpo data prepare` takes such instructions off", _ANSWERED: ""}


class Contents:
    """A prompt file.

    Args:
        path: of the file.
        prompt_key: the column of messages.
        fault_of: what is wrong with the text of a prompt, "" for nothing.

    Attributes:
        faults: why verl does not load it, or why a row has not what it must have; with row and remedy.
        rows: their number; of these, and below, none is counted that has such a fault.
        prompt_faults, warnings: what is wrong with prompts, and what is odd in them and may be meant.
        truths: the ground truths.
        tasks: a mark of what each row asks: its prompt, the answer, and for an agent the environment.
        loops: the agent loops that a column ``agent_name`` asks for.
        environments: prompt and task of the first row of each environment, by its id; "" for rows that name none.
        first: the first two rows, each with its place.
    """

    def __init__(self, path: Path, prompt_key: str = "prompt", fault_of: Callable[[str], str] = prompt_fault) -> None:
        self.path, self._key, self._fault_of = path, prompt_key, fault_of
        self.rows = 0
        self.prompt_faults, self.warnings, self.truths = Occurrences(), Occurrences(), Occurrences()
        self.tasks, self.loops = array("q"), set[str]()
        self.environments: dict[str, tuple[list[Message], Any]] = {}
        self.first: list[tuple[int, Mapping[str, Any]]] = []
        self.faults = name_fault(path) or check_parquet(path, prompt_key, self._add)

    def _add(self, place: int, row: Mapping[str, Any]) -> None:
        messages, truth, info = row[self._key], row["reward_model"]["ground_truth"], row.get("extra_info") or {}
        task = info.get("env")
        text = " ".join(message["content"] for message in messages)
        self.rows += 1
        self.truths.add(truth, place)
        if fault := self._fault_of(text):
            self.prompt_faults.add(f"the prompt {fault}", place)
        if asks_elsewhere(text):
            self.warnings.add(ELSEWHERE, place)
        if messages[-1]["role"] == "assistant":
            self.warnings.add(_ANSWERED, place)
        self.tasks.append(hash(str((messages, truth, task))))
        if row.get("agent_name"):
            self.loops.add(str(row["agent_name"]))
        environment = str(task.get("id") or "") if isinstance(task, Mapping) else ""
        self.environments.setdefault(environment, (messages, task))
        if len(self.first) < FIRST:
            self.first.append((place, row))

    def row_faults(self, truth_fault: Callable[[str], str], remedy: str = "") -> Occurrences:
        """What is wrong with prompts and, by ``truth_fault``, with ground truths, with the remedy for these."""
        faults = Occurrences(self.prompt_faults)
        for truth, rows in self.truths.items():
            if fault := truth_fault(truth):
                faults[f"the ground truth {truth!r:.80} {fault}{remedy}"] = rows
        return faults


class Examination(Contents):
    """What ``dgpo data check`` says of a prompt file: ``faults``, and ``facts``, what else a person should know."""

    def __init__(self, path: Path) -> None:
        self._problems, self._ids = Counter[int](), Counter[int]()
        self._lengths: list[int] = []
        super().__init__(path)
        self.facts: list[str] = []
        self.faults = self.faults or load_fault(path)
        if self.faults:
            return
        remedy = "; correct it or drop the row, as `dgpo data prepare` does"
        self.faults = self.row_faults(ground_truth_fault, remedy).lines()
        characters = f"{min(self._lengths)} to {max(self._lengths)}, median {median(self._lengths):.0f}"
        self.facts += [f"characters a prompt: {characters}", f"distinct ground truths: {len(self.truths)}"]
        for what, counts in (("problem", self._problems), ("extra_info.id", self._ids)):
            repeats = sum(counts.values()) - len(counts) if counts else "no such field"
            self.facts.append(f"rows that repeat the {what} of an earlier one: {repeats}")
        self._compare_with_manifest()

    def _add(self, place: int, row: Mapping[str, Any]) -> None:
        super()._add(place, row)
        info, messages = row.get("extra_info") or {}, row["prompt"]
        self._lengths.append(sum(len(message["content"]) for message in messages))
        # Without the raw problem it is what the user says last.
        questions = [message for message in messages if message["role"] == "user"] or messages
        self._problems[hash(normal_form(str(info.get("problem") or questions[-1]["content"])))] += 1
        if info.get("id") is not None:
            self._ids[hash(info["id"])] += 1

    def _compare_with_manifest(self) -> None:
        try:
            manifest = read_manifest(self.path)
        except UserError as error:
            self.faults.append(str(error))
            return
        if manifest is None:
            self.facts.append("manifest: none beside it")
        elif file_sha256(self.path) == manifest.sha256:
            origin = f"{manifest.source} {manifest.revision}".strip()
            self.facts.append(f"manifest: agrees (source: {origin}, template: {manifest.template})")
        elif parquet_content_hash(self.path) == manifest.content_hash:
            self.facts.append("manifest: the same problems and answers in other bytes; the file was written again")
        else:
            self.faults.append(
                f"is not the file of its manifest (sha256 {manifest.sha256[:12]}..., {manifest.rows_out} rows); "
                "prepare it again, or remove the manifest of a file that you changed"
            )

    def text(self) -> str:
        """The first faults, the warnings and the facts, a line each."""
        lines = [f"{self.path}: {fault}" for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            lines.append(f"{self.path}: {len(self.faults) - _SHOWN} more faults")
        lines = lines or [f"{self.path}: {self.rows} prompts, no fault found"]
        for what, (count, row, _) in self.warnings.items():
            lines.append(f"warning: {self.path}: {count} prompts {what}{_MENDED[what]} (first: row {row})")
        return "\n".join([*lines, *(f"  {fact}" for fact in self.facts)])


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
        return [f"the datasets library, by which verl loads it, refuses it ({reason}); write the file again"]
    for name in filter(is_media_column, rows.column_names):
        if (row := next((place for place, value in enumerate(rows[name]) if value), None)) is not None:
            return [f"row {row}: column {name!r} is not empty, and only text is trained on; drop it"]
    return []
