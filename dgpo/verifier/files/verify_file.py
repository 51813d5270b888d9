"""Verdicts on a file of responses, from all cores."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, TextIO

from dgpo.errors import UserError
from dgpo.files import draft_of, make_folder
from dgpo.progress import ProgressBar
from dgpo.verifier.files.answer_file import Fields, Row, read_rows
from dgpo.verifier.files.processes import Processes
from dgpo.verifier.files.tally import Tally
from dgpo.verifier.stages import Mode, verify_batch
from dgpo.verifier.verdict import Verdict

BATCH_ROWS = 64
BATCH_CHARS = 1 << 20
MAX_ANSWER_CHARS = 1000
MAX_NAMED_BAD_ROWS = 20


def verify_file(
    path: Path,
    out: Path | None = None,
    summary: Path | None = None,
    *,
    mode: Mode = "boxed",
    timeout: float = 1.0,
    fields: Fields = Fields(),  # noqa: B008, it is frozen
    processes: int | None = None,
    skip_bad_rows: bool = False,
    keep: int = 20,
) -> Tally:
    """Verify every row of the JSON lines file ``path``, with 8 bytes of memory a row.

    All lines are checked before the first is verified, so that a fault in the last costs no work. ``out`` gets each
    row with the verdict under ``fields.verdict``, in order, and ``summary`` the counts and times; each file appears
    whole or not at all.

    Args:
        processes: The number of processes; see `Processes`.
        skip_bad_rows: Name lines that cannot be used on standard error, and count them, instead of raising.
        keep: How many verdicts against their label the tally keeps.

    Raises:
        UserError: a file or a row that cannot be used, or a process that cannot be started or was killed.
    """
    _check_paths(path, out, summary)
    tally = Tally(keep)
    started = time.monotonic()

    def skip(error: UserError) -> None:
        tally.skipped += 1
        if tally.skipped <= MAX_NAMED_BAD_ROWS:
            print(f"skipped: {error}", file=sys.stderr)

    try:
        with _whole_file(summary, "--json") as counts, _whole_file(out, "--out") as verdicts:
            total = labels = 0
            for row in read_rows(path, fields, on_bad=skip if skip_bad_rows else None):
                total, labels = total + 1, labels + (fields.expected in row.fields)
            if total == 0:
                raise UserError(f"{path} has no row to verify; write at least one")
            if not labels and fields.expected != Fields().expected:
                raise UserError(f"--expected-field={fields.expected}: no row of {path} has it; name another, or none")
            # The first pass has named what cannot be used.
            rows = read_rows(path, fields, on_bad=(lambda error: None) if skip_bad_rows else None)
            with ProgressBar("verifying", total) as progress:
                for row, verdict in _verify_rows(rows, mode, timeout, processes):
                    tally.add(row, verdict)
                    progress.advance(1)
                    if verdicts is not None:
                        verdicts.write(json.dumps({**row.fields, fields.verdict: _as_json(row, verdict)}) + "\n")
            tally.elapsed = time.monotonic() - started
            if counts is not None:
                json.dump({"file": str(path), "mode": mode, "timeout": timeout, **tally.summary()}, counts, indent=2)
    except BrokenProcessPool as error:
        raise UserError(
            f"{path}: a verifying process was killed, most likely for want of memory, and nothing was written; "
            "use fewer by --processes"
        ) from error
    except RuntimeError as error:
        raise UserError(str(error)) from error
    return tally


def _verify_rows(
    rows: Iterable[Row], mode: Mode, timeout: float, processes: int | None
) -> Iterator[tuple[Row, Verdict]]:
    """`verify` on each row, in order. Holds as many rows as keep the processes busy, whatever the number of rows."""
    sent: deque[list[Row]] = deque()

    def tasks() -> Iterator[tuple[list[str], list[str]]]:
        for batch in _batches(rows):
            sent.append(batch)
            yield [row.response for row in batch], [row.ground_truth for row in batch]

    with Processes(processes) as pool:
        for verdicts in pool.map(partial(verify_batch, mode=mode, timeout=timeout), tasks()):
            yield from zip(sent.popleft(), verdicts, strict=True)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    chars = 0
    for row in rows:
        batch.append(row)
        chars += len(row.response)
        if len(batch) == BATCH_ROWS or chars >= BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _as_json(row: Row, verdict: Verdict) -> dict[str, Any]:
    return {
        "line": row.line,
        "correct": bool(verdict),
        "reason": verdict.reason,
        "stage": verdict.stage,
        "answer": verdict.answer and verdict.answer[:MAX_ANSWER_CHARS],
        "seconds": round(verdict.seconds, 6),
    }


def _check_paths(path: Path, out: Path | None, summary: Path | None) -> None:
    """Refuse what is no file, so that it cannot be read twice or replaced, and one path given twice."""
    given = [(name, file) for name, file in (("FILE", path), ("--out", out), ("--json", summary)) if file is not None]
    try:
        for name, file in given:
            if file.exists() and not file.is_file():
                raise UserError(f"{name}={file} is a directory, a pipe or a device; give the path of a file")
        for (name, file), (other, same) in combinations(given, 2):
            if file.absolute() == same.absolute() or (file.exists() and same.exists() and file.samefile(same)):
                raise UserError(f"{other}={same} is {name} as well; give two paths")
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; give another path") from error


@contextmanager
def _whole_file(path: Path | None, option: str) -> Iterator[TextIO | None]:
    """``path`` for writing; it has its old content, or none, until all of the new one is on the disk."""
    if path is None:
        yield None
        return
    make_folder(path.parent, option)
    with draft_of(path) as draft, draft.open("w", encoding="utf-8") as file:
        yield file
