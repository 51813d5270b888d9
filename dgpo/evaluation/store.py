"""Saved generations: a file of JSON lines for each benchmark, appended to and never rewritten.

DIR/settings.json            see `settings`
DIR/data/NAME.parquet        the benchmark's own file, so that the folder can be scored anywhere
DIR/generations/NAME.jsonl   {"id", "sample", "seed", "prompt_tokens", "response_tokens", "finish_reason", "text"}
DIR/generations/NAME.cut     what a crash left of a last line, should anybody want it
DIR/engine-N.log             everything that vLLM printed
DIR/scores.jsonl scoring.json   see `score`
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, TypedDict

from dgpo.evaluation.error import EvalError


class Generation(TypedDict):
    """One saved sample. `finish_reason` is "stop", or "length" for a response cut off at `max_tokens`."""

    id: str
    sample: int
    seed: int
    prompt_tokens: int
    response_tokens: int
    finish_reason: str
    text: str


def generations_file(folder: Path, benchmark: str) -> Path:
    return folder / "generations" / f"{benchmark}.jsonl"


def data_file(folder: Path, benchmark: str) -> Path:
    return folder / "data" / f"{benchmark}.parquet"


def sample_seed(seed: int, benchmark: str, problem: str, sample: int) -> int:
    """The sample's own seed, of 48 bits: whatever is generated before it, it begins from the same state."""
    text = json.dumps([seed, benchmark, problem, sample])
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` against a second writer. The lock is the kernel's and ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EvalError(
                f"{folder}: another evaluation or scoring is working here; wait for it, stop it, or choose another "
                "folder"
            ) from error
        yield


def set_aside_cut_line(file: Path) -> int:
    """Move a last line that a crash cut short to `NAME.cut`, and return its bytes; 0 where all lines are whole.

    A line is whole when it ends and is JSON: after a power cut a file may end in zero bytes.
    """
    if not file.exists():
        return 0
    with file.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        start = _last_line_start(stream, size)
        stream.seek(start)
        tail = stream.read()
        if not tail or _is_whole(tail):
            return 0
        with file.with_suffix(".cut").open("ab") as aside:
            aside.write(tail + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        stream.truncate(start)
        os.fsync(stream.fileno())
        return len(tail)


def _last_line_start(stream: Any, size: int, block: int = 1 << 16) -> int:
    """Offset of the last line; a newline at the very end belongs to it."""
    position = max(size - 1, 0)
    while position > 0:
        begin = max(position - block, 0)
        stream.seek(begin)
        found = stream.read(position - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        position = begin
    return 0


def _is_whole(line: bytes) -> bool:
    if not line.endswith(b"\n"):
        return False
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def read_generations(
    file: Path, problems: Container[str], samples: int, cut: list[int] | None = None
) -> Iterator[Generation]:
    """The generations of one file, a line at a time.

    Args:
        file: May be missing, and then has none.
        problems: Ids of the benchmark.
        samples: Wanted for each problem.
        cut: Where given, the length of an unfinished last line is added to it; else such a line is an error.

    Raises:
        EvalError: a line is damaged, belongs to no problem or sample of the run, or repeats one.
    """
    if not file.exists():
        return
    seen: set[tuple[str, int]] = set()
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"{file}, line {number}"
            if cut is not None and not line.endswith(b"\n"):
                cut.append(len(line))
                return
            try:
                generation: Generation = json.loads(line)
                identity = (generation["id"], generation["sample"])
                known = identity[0] in problems and 0 <= identity[1] < samples
                if not isinstance(generation["text"], str) or not isinstance(generation["response_tokens"], int):
                    raise TypeError("text must be a string and response_tokens a number")
            except (ValueError, KeyError, TypeError) as error:
                raise EvalError(
                    f"{where}: it is no generation ({error!r}); restore the file, or delete the line and run "
                    "`dgpo eval run` again, which makes the missing sample anew"
                ) from error
            if not known:
                raise EvalError(
                    f"{where}: there is no sample {identity[1]} of problem {identity[0]!r} in this evaluation "
                    f"({samples} samples of each problem); delete the line if it does not belong here"
                )
            if identity in seen:
                raise EvalError(
                    f"{where}: sample {identity[1]} of problem {identity[0]!r} is there twice; delete one of the lines"
                )
            seen.add(identity)
            yield generation


class Writer:
    """Appends generations to the files of a run."""

    def __init__(self, folder: Path, benchmarks: list[str]):
        self._folder = folder
        (folder / "generations").mkdir(parents=True, exist_ok=True)
        self._streams = {name: generations_file(folder, name).open("ab") for name in benchmarks}

    def write(self, batch: list[tuple[str, Generation]]) -> None:
        """Append (benchmark, generation) pairs; when it returns they are on the disk.

        Raises EvalError where the disk takes no more.
        """
        try:
            for benchmark, generation in batch:
                self._streams[benchmark].write(json.dumps(generation).encode() + b"\n")
            for name in {benchmark for benchmark, _ in batch}:
                self._streams[name].flush()
                os.fsync(self._streams[name].fileno())
        except OSError as error:
            raise EvalError(
                f"{self._folder}: generations cannot be written ({error.strerror}); free some space, and the same "
                "command goes on"
            ) from error

    def close(self) -> None:
        for stream in self._streams.values():
            with contextlib.suppress(OSError):  # of what `write` could not write, and has told
                stream.close()
