"""What a run did, as figures: accuracy at each validation, and means over the training steps."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.eval.metrics import avg_at_k, pass_at_k, standard_error_over_problems
from dgpo.trainer.progress import boundary_share
from dgpo.trainer.run_folder import RunFolder, history

HEADER = ("", "before", "after", "")


class ReportError(ValueError):
    """The folder holds no run that could be reported; the message says what is missing."""


@dataclass(frozen=True)
class Validation:
    """Accuracy of one validation, over ``problems`` problems with ``samples`` answers each.

    ``mean`` is mean@k with its standard error over problems; ``best`` is the unbiased pass@k; ``verdicts`` is the
    share of answers by the verdict's reason.
    """

    step: int
    problems: int
    samples: int
    mean: float
    error: float
    best: float
    verdicts: dict[str, float]


@dataclass(frozen=True)
class RunReport:
    """A run's validations in order, and its metrics by step."""

    name: str
    validations: list[Validation]
    steps: dict[int, dict[str, Any]]

    def training(self) -> dict[int, dict[str, Any]]:
        """The steps that trained: step 0 is the validation before."""
        return {step: metrics for step, metrics in self.steps.items() if "actor/grad_norm" in metrics}

    def mean(self, key: str) -> float:
        """Mean of a metric over the training steps that have it; NaN where none has."""
        values = [metrics[key] for metrics in self.training().values() if key in metrics]
        return float(np.mean(values)) if values else float("nan")


def read_validation(file: Path) -> Validation:
    """Accuracy in a dump of verl's: a line for each answer, whose ``uid`` begins with its prompt's."""
    right: dict[str, list[float]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    with file.open() as lines:
        for line in lines:
            record = json.loads(line)
            right[record["uid"].split("_")[0]].append(record["acc"])
            if "reason" in record:
                reasons[record["reason"]] += 1
    samples = np.array([len(values) for values in right.values()])
    correct = np.array([round(sum(values)) for values in right.values()])
    k = int(samples.min())
    per_problem = avg_at_k(samples, correct)
    return Validation(
        step=int(file.stem),
        problems=len(samples),
        samples=k,
        mean=float(per_problem.mean()),
        error=standard_error_over_problems(per_problem) if len(samples) > 1 else float("nan"),
        best=float(pass_at_k(samples, correct, k).mean()),
        verdicts={reason: count / reasons.total() for reason, count in sorted(reasons.items())},
    )


def read_run(path: str | Path) -> RunReport:
    """The report of a run folder.

    Raises:
        ReportError: it has no metrics.
    """
    folder = RunFolder(path)
    steps = history(folder)
    if not steps:
        raise ReportError(f"{folder.path}: there are no metrics/*.jsonl with a step in them; is it a run folder?")
    files = sorted(folder.validation.glob("*.jsonl"), key=lambda file: int(file.stem))
    return RunReport(folder.path.name, [read_validation(file) for file in files], steps)


def rows(report: RunReport) -> list[tuple[str, ...]]:
    """The table of a run: (figure, before, after, change or note)."""
    table: list[tuple[str, ...]] = []
    if len(report.validations) > 1:
        first, last = report.validations[0], report.validations[-1]
        k, difference = first.samples, 100 * (last.mean - first.mean)
        table.append(
            (
                f"mean@{k} (%), T=1",
                f"{100 * first.mean:.1f} ± {100 * first.error:.1f}",
                f"{100 * last.mean:.1f} ± {100 * last.error:.1f}",
                f"{difference:+.1f} points, {first.problems} held-out problems",
            )
        )
        gain = 100 * (last.best - first.best)
        table.append((f"pass@{k} (%)", f"{100 * first.best:.1f}", f"{100 * last.best:.1f}", f"{gain:+.1f} points"))
    training = list(report.training().values())
    if not training:
        return table
    ends = training[0], training[-1]
    for label, key, form in (
        ("training reward", "critic/score/mean", ".3f"),
        ("entropy (nats a token)", "actor/entropy", ".3f"),
        ("response length (tokens)", "response_length/mean", ".1f"),
    ):
        first_value, last_value = (metrics.get(key, float("nan")) for metrics in ends)
        table.append((label, format(first_value, form), format(last_value, form), ""))
    for label, key in (
        ("training responses without an answer", "reward/reason/no_answer"),
        ("training responses cut off", "reward/truncated"),
    ):
        if key in ends[0] and key in ends[1]:
            table.append((label, f"{ends[0][key]:.1%}", f"{ends[1][key]:.1%}", ""))
    shares = [share for metrics in training if (share := boundary_share(metrics)) is not None]
    if shares:
        table.append(("boundary tokens LN + HP", "", f"{np.mean(shares):.3%}", f"mean of {len(shares)} steps"))
        mass = report.mean("actor/boundary_gradient_mass")
        table.append(("gradient mass at the boundaries", "", f"{mass:.3%}", "mean over steps"))
    gap = max(metrics.get("training/rollout_probs_diff_max", 0.0) for metrics in training)
    table.append(("largest rollout-actor probability gap", "", f"{gap:.1e}", "after each weight sync"))
    seconds = [metrics["timing_s/step"] for metrics in training]
    table.append(("seconds a step", "", f"{np.median(seconds):.1f}", f"median of {len(seconds)}"))
    return table


def markdown(table: list[tuple[str, ...]], header: tuple[str, ...] = HEADER) -> str:
    """The table as Markdown."""
    lines = [header, ("---",) * len(header), *table]
    return "".join("| " + " | ".join(row) + " |\n" for row in lines)


def plain(table: list[tuple[str, ...]], header: tuple[str, ...] = HEADER) -> str:
    """The table for a terminal: figures on the right, the first column and the last, of notes, on the left."""
    lines = [header, *table]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        figures = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        return "  ".join(["", row[0].ljust(widths[0]), *figures, row[-1]]).rstrip()

    return "\n".join(map(line, lines))


def summary(report: RunReport) -> dict[str, Any]:
    """The figures as JSON-able values."""
    training = report.training()
    shares = [share for metrics in training.values() if (share := boundary_share(metrics)) is not None]
    return {
        "run": report.name,
        "steps": len(training),
        "validations": [vars(validation) for validation in report.validations],
        "boundary_share_mean": float(np.mean(shares)) if shares else None,
        "rollout_probs_diff_max": _largest(training, "training/rollout_probs_diff_max"),
        "seconds_per_step_median": float(np.median([m["timing_s/step"] for m in training.values()]))
        if training
        else None,
        "entropy_last": training[max(training)].get("actor/entropy") if training else None,
    }


def _largest(training: Mapping[int, Mapping[str, Any]], key: str) -> float | None:
    return max((metrics[key] for metrics in training.values() if key in metrics), default=None)
