"""Sums up the verdicts on a file: counts, confusion with the labels, times, and where they disagree."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from dgpo.tables import Table
from dgpo.verifier.files.answer_file import Row
from dgpo.verifier.verdict import REASONS, Stage, Verdict

SHOWN_CHARS = 60


def printable(text: str, limit: int = SHOWN_CHARS) -> str:
    """The end of ``text``, on one line, with what a terminal could obey (escape sequences) spelled out."""
    shown = text if len(text) <= limit else "…" + text[1 - limit :]
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)


@dataclass(slots=True)
class Tally:
    """Counts rows as they are added. Keeps 8 bytes a row, and the first ``keep`` disagreements.

    Attributes:
        elapsed: Seconds for the whole file.
    """

    keep: int = 20
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    confusion: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    elapsed: float = float("nan")
    disagreements: list[tuple[Row, Verdict]] = field(default_factory=list)
    seconds: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, row: Row, verdict: Verdict) -> None:
        self.outcomes[verdict.reason, verdict.stage] += 1
        self.seconds.append(verdict.seconds)
        if row.expected is None:
            return
        agrees = bool(verdict) == row.expected
        self.confusion[("T" if agrees else "F") + ("P" if verdict else "N")] += 1
        if not agrees and len(self.disagreements) < self.keep:
            self.disagreements.append((row, verdict))

    @property
    def wrong(self) -> int:
        """Verdicts against their label."""
        return self.confusion["FP"] + self.confusion["FN"]

    @property
    def bad_golds(self) -> int:
        return self._sums(0, REASONS)["bad_gold"]

    def summary(self) -> dict[str, Any]:
        """Everything but the disagreements, for JSON."""
        rows, labelled, reasons = len(self.seconds), sum(self.confusion.values()), self._sums(0, REASONS)
        p50, p99, most = np.quantile(np.frombuffer(self.seconds) if rows else np.zeros(1), (0.5, 0.99, 1)).tolist()
        return {
            "rows": rows,
            "skipped": self.skipped,
            "right": reasons["match"],
            "reasons": reasons,
            "stages": self._sums(1, get_args(Stage)),
            "labelled": labelled,
            "confusion": {name: self.confusion[name] for name in ("TP", "FP", "FN", "TN")} if labelled else None,
            "accuracy": (labelled - self.wrong) / labelled if labelled else None,
            "elapsed_seconds": self.elapsed,
            "rows_per_second": rows / self.elapsed,
            "seconds": {"p50": p50, "p99": p99, "max": most},
        }

    def tables(self) -> Iterator[Table]:
        """Counts by reason and stage with what they come to, and the verdicts against their label."""
        summary = self.summary()
        rows, stages = summary["rows"], get_args(Stage)
        cells = []
        for reason in (reason for reason in REASONS if summary["reasons"][reason]):
            counts = [self.outcomes[reason, stage] for stage in stages]
            shown = [f"{count:,}" if count else "" for count in counts]
            cells.append([reason, *shown, f"{sum(counts):,}", f"{sum(counts) / rows:.1%}"])
        cells.append(["all", *(f"{summary['stages'][stage]:,}" for stage in stages), f"{rows:,}", ""])
        times = summary["seconds"]
        notes = [
            f"{summary['right']:,} of {rows:,} right; {summary['rows_per_second']:,.0f} rows/s; a verdict takes "
            f"{1e3 * times['p50']:.2f} ms (p50), {1e3 * times['p99']:.2f} ms (p99), {1e3 * times['max']:.2f} ms at most"
        ]
        if self.skipped:
            notes.append(f"{self.skipped:,} lines could not be used and were skipped")
        if summary["labelled"]:
            counts = ", ".join(f"{name} {count:,}" for name, count in summary["confusion"].items())
            notes.append(f"accuracy {summary['accuracy']:.2%} on {summary['labelled']:,} labelled rows: {counts}")
        yield Table(("reason", *stages, "all", "share"), cells, f"verdicts on {rows:,} rows", notes)
        if self.disagreements:
            yield self._disagreements()

    def _disagreements(self) -> Table:
        shown = f"first {len(self.disagreements)} of {self.wrong}" if self.wrong > self.keep else f"all {self.wrong}"
        head = ("line", "label", "verdict", "ground truth", "answer")
        cells = []
        for row, verdict in self.disagreements:
            answer = row.response if verdict.answer is None else verdict.answer
            outcome = f"{verdict.reason} ({verdict.stage})"
            texts = (printable(row.ground_truth), printable(answer))
            cells.append([str(row.line), str(row.expected).lower(), outcome, *texts])
        return Table(head, cells, f"verdicts against the label, {shown}")

    def _sums(self, place: int, names: tuple[str, ...]) -> dict[str, int]:
        return {name: sum(count for key, count in self.outcomes.items() if key[place] == name) for name in names}
