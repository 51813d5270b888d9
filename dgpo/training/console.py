"""A person's view of a run: everything the processes print goes to the log file, a few lines to the terminal.

verl, vLLM and Ray print thousands of lines, from C++ too, so the redirection is of file descriptors.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from dgpo.progress import duration
from dgpo.runs.metrics import boundary_share, read_metrics, validation_score

HEADER = "   step  reward  val acc  entropy  boundary tokens  length  s/step  time left"
POLL_S = 0.5
HEARTBEAT_S = 20.0


@contextlib.contextmanager
def captured_output(log: Path) -> Iterator[TextIO]:
    """Send standard output and error, of this process and those it starts, to the end of ``log``.

    Yields a stream to what standard output was.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    # Not passed on to children: a reader of our output would wait for the last of them to end.
    terminal = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace")
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, original in enumerate(saved, start=1):
            os.dup2(original, number)
            os.close(original)
        os.close(target)
        terminal.close()


def tail(log: Path, lines: int = 12, limit: int = 64_000) -> str:
    """The last lines of ``log``."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - limit))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])


def step_line(step: int, total: int | None, metrics: Mapping[str, Any], seconds_per_step: float | None) -> str:
    """One row under ``HEADER``; a dash where the step has no such figure."""

    def cell(value: float | None, form: str, width: int) -> str:
        return (format(value, form) if value is not None else "–").rjust(width)

    left = None if seconds_per_step is None or total is None else duration((total - step) * seconds_per_step)
    cells = [
        f"{step}/{total or '?'}".rjust(7),
        cell(metrics.get("critic/score/mean"), ".3f", 6),
        cell(validation_score(metrics), ".3f", 7),
        cell(metrics.get("actor/entropy"), ".3f", 7),
        cell(boundary_share(metrics), ".3%", 15),
        cell(metrics.get("response_length/mean"), ".1f", 6),
        cell(metrics.get("timing_s/step"), ".1f", 6),
        (left or "–").rjust(9),
    ]
    return "  ".join(cells)


class Progress:
    """Watch a metrics file from a thread, and print a row for each step that appears in it."""

    def __init__(self, metrics: Path, terminal: TextIO, total_steps: int | None):
        self._metrics = metrics
        self._terminal = terminal
        self._total = total_steps
        self._offset = 0
        self._rows = 0
        self._durations: list[float] = []
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._print_new_rows()

    def _watch(self) -> None:
        heartbeat = HEARTBEAT_S
        while not self._stop.wait(POLL_S):
            self._print_new_rows()
            elapsed = time.monotonic() - self._started
            if not self._rows and elapsed > heartbeat:
                print(f"  starting Ray, FSDP and vLLM: {duration(elapsed)}", file=self._terminal)
                heartbeat += HEARTBEAT_S

    def _print_new_rows(self) -> None:
        for step, metrics, offset in read_metrics(self._metrics, self._offset):
            self._offset = offset
            if not self._rows:
                print(HEADER, file=self._terminal)
            self._rows += 1
            seconds = metrics.get("timing_s/step")
            if seconds is not None:
                self._durations.append(seconds + metrics.get("timing_s/testing", 0.0))
            recent = self._durations[-10:]
            mean = sum(recent) / len(recent) if recent else None
            print(step_line(step, self._total, metrics, mean), file=self._terminal)
