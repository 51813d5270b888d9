"""Prints a line for each step, from the metrics file that the trainer writes."""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from dgpo.progress import duration
from dgpo.runs.metrics import measured, read_metrics, validation_measure

HEADER = "   step  reward  {:>9}  entropy  boundary tokens  length  s/step  time left"
POLL_S = 0.5
HEARTBEAT_S = 20.0
GAP_LIMIT = 0.05
"""Mean difference of a token's probability between vLLM and the trainer that no precision explains."""
GAP_WARNING = (
    "  warning: vLLM and the trainer differ by {:.2f} in a token's probability, on average: other weights, or\n"
    '  rollouts far behind; docs/monitoring.md, "Rollout and trainer disagree"'
)


def step_line(step: int, total: int | None, metrics: Mapping[str, Any], seconds_per_step: float | None) -> str:
    """One row under ``HEADER``; a dash where the step has no such figure."""

    def cell(key: str, form: str, width: int) -> str:
        value = measured(metrics, key)
        return (format(value, form) if value is not None else "–").rjust(width)

    left = None if seconds_per_step is None or total is None else duration((total - step) * seconds_per_step)
    cells = [
        f"{step}/{total or '?'}".rjust(7),
        cell("critic/score/mean", ".3f", 6),
        cell("validation", ".3f", 9),
        cell("actor/entropy", ".3f", 7),
        cell("boundary", ".3%", 15),
        cell("response_length/mean", ".1f", 6),
        cell("timing_s/step", ".1f", 6),
        (left or "–").rjust(9),
    ]
    return "  ".join(cells)


def busy() -> str:
    """A remark for a machine with more running processes than cores, which slow down Ray's workers; else ""."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return f" (this machine is busy: load {load:.0f} on {cores} cores)" if load > 2 * cores else ""


class Progress:
    """A thread that watches a metrics file and prints a row for each step that appears in it."""

    def __init__(self, metrics: Path, terminal: TextIO, total_steps: int | None):
        self._metrics = metrics
        self._terminal = terminal
        self._total = total_steps
        self._offset = 0
        self._rows = 0
        self._warned = False
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
                print(f"  starting Ray, FSDP and vLLM: {duration(elapsed)}{busy()}", file=self._terminal)
                heartbeat += HEARTBEAT_S

    def _print_new_rows(self) -> None:
        for step, metrics, offset in read_metrics(self._metrics, self._offset):
            self._offset = offset
            if not self._rows:
                measure = validation_measure(metrics)
                print(HEADER.format(f"val {measure[0]}" if measure else "val"), file=self._terminal)
            self._rows += 1
            seconds = metrics.get("timing_s/step")
            if seconds is not None:
                self._durations.append(seconds + metrics.get("timing_s/testing", 0.0))
            recent = self._durations[-10:]
            mean = sum(recent) / len(recent) if recent else None
            print(step_line(step, self._total, metrics, mean), file=self._terminal)
            gap = metrics.get("training/rollout_probs_diff_mean", 0.0)
            if gap > GAP_LIMIT and not self._warned:
                self._warned = True
                print(GAP_WARNING.format(gap), file=self._terminal)
