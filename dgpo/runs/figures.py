"""What a run did, as figures: accuracy at each validation, and means over the training steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dgpo.runs.folder import RunFolder, history
from dgpo.runs.validation import Validation, read_validations
from dgpo.training.step_lines import boundary_share

HEADER = ("", "before", "after", "")


class ReportError(ValueError):
    """The folder holds no run that could be reported; the message says what is missing."""


@dataclass(frozen=True)
class RunReport:
    """A run's validations in order, how they were sampled, and its metrics by step."""

    name: str
    sampling: str
    validations: list[Validation]
    steps: dict[int, dict[str, Any]]

    def training(self) -> dict[int, dict[str, Any]]:
        """The steps that trained: step 0 is the validation before."""
        return {step: metrics for step, metrics in self.steps.items() if "actor/grad_norm" in metrics}

    def mean(self, key: str) -> float:
        """Mean of a metric over the training steps that have it; NaN where none has."""
        values = [metrics[key] for metrics in self.training().values() if key in metrics]
        return float(np.mean(values)) if values else float("nan")


def run_config(run: Path) -> dict[str, Any]:
    """The resolved config of a run folder.

    Raises:
        ReportError: there is none, or it cannot be read.
    """
    file = RunFolder(run).config
    try:
        config = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ReportError(f"{file} cannot be read ({error}); is {run} a run folder?") from error
    if not isinstance(config, dict):
        raise ReportError(f"{file} is no config; is {run} a run folder?")
    return config


def sampling(config: Mapping[str, Any]) -> str:
    """How validation answers were drawn, as ``T=0.6, top_p=0.95``."""
    values = config["actor_rollout_ref"]["rollout"]["val_kwargs"]
    parts = [f"T={values['temperature']:g}"]
    parts += [f"top_p={values['top_p']:g}"] if values["top_p"] < 1 else []
    parts += [f"top_k={values['top_k']}"] if values["top_k"] > 0 else []
    return ", ".join(parts)


def read_steps(run: str | Path) -> dict[int, dict[str, Any]]:
    """Metrics by step of a run folder.

    Raises:
        ReportError: it has none.
    """
    steps = history(RunFolder(run))
    if not steps:
        raise ReportError(f"{run}: there are no metrics/*.jsonl with a step in them; is it a run folder?")
    return steps


def read_run(path: str | Path) -> RunReport:
    """The report of a run folder.

    Raises:
        ReportError: it has no metrics, or no config.
    """
    folder = RunFolder(path)
    steps = read_steps(folder.path)
    return RunReport(folder.path.name, sampling(run_config(folder.path)), read_validations(folder.validation), steps)


def rows(report: RunReport) -> list[tuple[str, ...]]:
    """The table of a run: (figure, before, after, change or note)."""
    table: list[tuple[str, ...]] = []
    if len(report.validations) > 1:
        table += _held_out(report.validations[0], report.validations[-1], report.sampling)
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


def _held_out(first: Validation, last: Validation, how: str) -> list[tuple[str, ...]]:
    """Rows of two validations: shares in per cent, or scores as they are."""
    shares = first.measure == last.measure == "acc"
    scale, form = (100, ".1f") if shares else (1, ".3f")
    unit, name = (" points", "mean@{} (%)") if shares else ("", "mean score@{}")

    def cell(value: float) -> str:
        return format(scale * value, form)

    gain = f"{scale * (last.mean - first.mean):+{form}}{unit}"
    means = [f"{cell(each.mean)} ± {cell(each.error)}" for each in (first, last)]
    found = [(f"{name.format(first.samples)}, {how}", *means, f"{gain}, {first.problems} held-out problems")]
    if not np.isnan(first.best + last.best):
        gain = f"{100 * (last.best - first.best):+.1f} points"
        found.append((f"pass@{first.samples} (%)", f"{100 * first.best:.1f}", f"{100 * last.best:.1f}", gain))
    return found


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
        # JSON has no NaN: what cannot be computed is null.
        "validations": [
            {key: None if value != value else value for key, value in vars(validation).items()}
            for validation in report.validations
        ],
        "boundary_share_mean": float(np.mean(shares)) if shares else None,
        "rollout_probs_diff_max": _largest(training, "training/rollout_probs_diff_max"),
        "seconds_per_step_median": float(np.median([m["timing_s/step"] for m in training.values()]))
        if training
        else None,
        "entropy_last": training[max(training)].get("actor/entropy") if training else None,
    }


def _largest(training: Mapping[int, Mapping[str, Any]], key: str) -> float | None:
    return max((metrics[key] for metrics in training.values() if key in metrics), default=None)
