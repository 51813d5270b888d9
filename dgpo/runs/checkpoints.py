"""Which checkpoints are whole, which one to go on from, and which ones to delete.

verl writes ``global_step_N/`` file by file and then one tracker file, none of it atomically. A run killed at that
moment leaves a folder that loads half or not at all. Here a checkpoint counts once its manifest exists: the name and
size of each file, written last and by rename. A torch file that ends in zeros is of a copy that broke off.
"""

import json
import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dgpo.files import replace_json, sync
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history, validation_measure

MANIFEST = "manifest.json"
NAME = re.compile(r"global_step_\d+")
# Words of torch, safetensors and the system for a failed write; torch does not say why.
WRITE_ERROR = re.compile(r"unexpected pos|PytorchStreamWriter|basic_ios|iostream|No space left|ENOSPC|Errno 28|IoError")


@dataclass(frozen=True)
class Checkpoint:
    """A folder ``global_step_N`` and what is wrong with it, if anything."""

    step: int
    path: Path
    defect: str | None

    @property
    def complete(self) -> bool:
        return self.defect is None


def _files(path: Path) -> dict[str, int]:
    """Name relative to ``path`` and size in bytes of every file below it but the manifest."""
    files = (file for file in path.rglob("*") if file.is_file() and file.name != MANIFEST)
    return {str(file.relative_to(path)): file.stat().st_size for file in sorted(files)}


def write_manifest(path: Path, **facts: Any) -> None:
    """Declare the checkpoint in ``path`` complete. Its files are on the disk before the manifest is."""
    files = _files(path)
    for name in files:
        sync(path / name)
    replace_json(path / MANIFEST, {**facts, "files": files})


def _end(file: Path, count: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(-count, os.SEEK_END)
        return stream.read()


def step_of(path: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(path.name.removeprefix("global_step_"))


def inspect(path: Path) -> Checkpoint:
    """The checkpoint in ``path``, with its first defect. The step of a folder with another name is -1."""
    if not NAME.fullmatch(path.name):
        return Checkpoint(-1, path, "its name has no step: it is no global_step_N folder")
    return Checkpoint(step_of(path), path, _defect(path))


def _defect(path: Path) -> str | None:
    if not path.is_dir():
        return "there is no such folder"
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        expected = dict(manifest["files"])
    except FileNotFoundError:
        return "it has no manifest: the run ended while saving it, or was not one of dgpo"
    except (OSError, ValueError, TypeError, KeyError) as error:
        return f"its manifest cannot be read ({error})"
    present = _files(path)
    for name, size in expected.items():
        if name not in present:
            return f"{name} is missing"
        if present[name] != size:
            return f"{name} has {present[name]} bytes instead of {size}"
        # torch's files are zip archives, which end in a record; others may end in weights of zero.
        if size and name.endswith(".pt") and not any(_end(path / name, min(size, 64))):
            return f"{name} ends in zeros, as of a copy that did not end"
    if manifest.get("step", step := step_of(path)) != step:
        return f"its name has another step than its manifest, {manifest['step']}"
    return None


def find(directory: Path) -> list[Checkpoint]:
    """All checkpoints in ``directory``, newest first."""
    folders = [path for path in directory.glob("global_step_*") if NAME.fullmatch(path.name)]
    return sorted(map(inspect, folders), key=lambda checkpoint: -checkpoint.step)


def latest_complete(directory: Path) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """The newest complete checkpoint, if any, and the defective ones that are newer."""
    skipped: list[Checkpoint] = []
    for checkpoint in find(directory):
        if checkpoint.complete:
            return checkpoint, skipped
        skipped.append(checkpoint)
    return None, skipped


def set_aside(directory: Path, beyond: int, place: Path) -> list[Checkpoint]:
    """Move the complete checkpoints of steps after ``beyond`` to ``place``; a run that starts there takes other steps.

    Returns what was moved. The manifest of a defective one goes, so that it cannot fit what is written over it.
    """
    moved = []
    for checkpoint in find(directory):
        if checkpoint.step <= beyond:
            continue
        if checkpoint.complete:
            place.mkdir(parents=True, exist_ok=True)
            checkpoint.path.rename(place / checkpoint.path.name)
            moved.append(checkpoint)
        else:
            (checkpoint.path / MANIFEST).unlink(missing_ok=True)
    return moved


def prune(directory: Path, keep: int, also: Collection[int] = ()) -> list[Checkpoint]:
    """Delete all but the ``keep`` newest complete checkpoints and the steps ``also``, and older defective ones.

    Returns what was deleted. A defective checkpoint newer than every complete one stays: it may be being written.
    """
    everything = find(directory)
    kept = [checkpoint.step for checkpoint in everything if checkpoint.complete][:keep]
    if not kept:
        return []
    spared = {*kept, *(each.step for each in everything if each.complete and each.step in also)}
    doomed = [each for each in everything if each.step < max(kept) and each.step not in spared]
    for checkpoint in doomed:
        # Without its manifest first, so that a deletion cut short leaves nothing that looks complete.
        (checkpoint.path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(checkpoint.path)
    return doomed


class Best(NamedTuple):
    """A checkpoint, what its validation measured (``acc``, or ``score``), and that mean."""

    checkpoint: Checkpoint
    score: float
    measure: str


def best_checkpoint(run: str | Path, directory: Path | None = None) -> Best | None:
    """The complete checkpoint of a run whose step had the highest validation score, the earliest of equals.

    None where no complete one was validated at its step. Checkpoints may lie in another ``directory``.
    """
    folder = RunFolder(run)
    complete = [each for each in reversed(find(directory or folder.checkpoints)) if each.complete]
    steps = history(folder) if complete else {}
    scored = [(each, validation_measure(steps.get(each.step, {}))) for each in complete]
    known = [Best(each, found[1], found[0]) for each, found in scored if found is not None]
    return max(known, key=lambda best: best.score, default=None)


def write_fault(message: str, folder: Path) -> str:
    """What to add to the message of a run's error where a file could not be written; "" where that is not the cause."""
    if not WRITE_ERROR.search(message):
        return ""
    return (
        f"\na file could not be written: {shutil.disk_usage(folder).free / 2**20:,.0f} MiB are free in {folder}; if "
        "that or a quota is too little, free space; checkpoints saved before are whole"
    )
