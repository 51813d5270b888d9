"""The report of a run: accuracy before and after, means over its training steps, how its responses were judged."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder
from dgpo.runs.html import REASONS
from dgpo.runs.kept import kept_steps
from dgpo.runs.metrics import Validation, config_of, measured, points, read_validations, steps_of, training_steps
from dgpo.tables import Table, write_tables
from dgpo.verifier.verdict import Stage

# Label, metric and format of figures of the first and the last training step,
ENDS = (
    ("training reward", "critic/score/mean", ".3f"),
    ("entropy (nats a token)", "actor/entropy", ".3f"),
    ("response length (tokens)", "response_length/mean", ".1f"),
    ("training responses without an answer", "reward/reason/no_answer", ".1%"),
    ("training responses cut off", "reward/truncated", ".1%"),
)
# and of one figure of all of them, with a note on their number.
OVER_STEPS = (
    ("boundary tokens LN + HP", "boundary", np.mean, ".3%", "mean of {} steps"),
    ("gradient mass at the boundaries", "actor/boundary_gradient_mass", np.mean, ".3%", "mean over steps"),
    ("largest rollout-actor probability gap", "training/rollout_probs_diff_max", max, ".1e", "after each weight sync"),
    ("seconds a step", "timing_s/step", np.median, ".1f", "median of {}"),
)


@dataclass(frozen=True)
class RunReport:
    """A run's validations in order, how they were sampled, and its metrics by step."""

    name: str
    sampling: str
    validations: list[Validation]
    steps: Mapping[int, Mapping[str, Any]]

    @property
    def ends(self) -> list[Mapping[str, Any]]:
        """The metrics of the first and the last step that trained; empty ones where none did."""
        training = [*training_steps(self.steps).values()] or [{}]
        return [training[0], training[-1]]

    def known(self, key: str) -> list[float]:
        """A figure of the training steps that have it."""
        return [*points(training_steps(self.steps), key).values()]


def write_report(run: Path) -> list[Path]:
    """Write report.md, report.json, report.png and report.svg into the run's folder, print the tables.

    And the page of the groups that it has kept, to which the report leads.

    Raises:
        UserError: it is no run folder.
    """
    from dgpo.runs.plots import draw_run

    report = read_run(run)
    tables = [results(report), *([verdicts] if (verdicts := verdict_shares(report)) else [])]
    shown = page_of_groups(run)
    after = ""
    if shown:
        after = f"\nWhat the model wrote, and how hard each token was pushed: [{shown[0].name}]({shown[0].name})\n"
    files = write_tables(run / "report", tables, summary(report), before=f"# {report.name}\n\n", after=after)
    files += draw_run(report.name, report.validations, report.steps, run / "report")
    return files + shown


def page_of_groups(run: Path) -> list[Path]:
    """The page of the kept groups, written; none where there are none, or with a warning where it cannot be."""
    if not kept_steps(RunFolder(run).rollouts):
        return []
    from dgpo.runs.rollouts import write_rollouts

    try:
        return [write_rollouts(run)]
    except UserError as error:
        print(f"warning: no page of the kept groups: {error}", file=sys.stderr)
        return []


def read_run(run: Path) -> RunReport:
    """The report of a run folder; UserError where it has no metrics, or no config."""
    folder = RunFolder(run)
    steps, config = steps_of(folder.path), config_of(folder.path)
    try:
        sampled = sampling(config["actor_rollout_ref"]["rollout"]["val_kwargs"])
    except (KeyError, TypeError, ValueError) as error:
        key = "actor_rollout_ref.rollout.val_kwargs"
        raise UserError(f"{folder.config}: {key} lacks {error}; restore the config of the run") from error
    return RunReport(folder.path.name, sampled, read_validations(folder), steps)


def sampling(val_kwargs: Mapping[str, Any]) -> str:
    """How validation answers were drawn, as ``T=0.6, top_p=0.95``."""
    parts = [f"T={val_kwargs['temperature']:g}"]
    parts += [f"top_p={val_kwargs['top_p']:g}"] if val_kwargs["top_p"] < 1 else []
    parts += [f"top_k={val_kwargs['top_k']}"] if val_kwargs["top_k"] > 0 else []
    return ", ".join(parts)


def results(report: RunReport) -> Table:
    """Figures before and after, with the change or a note."""
    rows: list[Sequence[str]] = []
    if len(report.validations) > 1:
        rows += _held_out(report.validations[0], report.validations[-1], report.sampling)
    for label, key, form in ENDS:
        cells = [measured(metrics, key) for metrics in report.ends]
        if None not in cells:
            rows.append((label, *(format(each, form) for each in cells), ""))
    for label, key, reduce, form, note in OVER_STEPS:
        if values := report.known(key):
            rows.append((label, "", format(reduce(values), form), note.format(len(values))))
    return Table(("", "before", "after", ""), rows)


def _held_out(first: Validation, last: Validation, how: str) -> list[Sequence[str]]:
    """Rows of two validations: shares in per cent, or scores as they are."""
    shares = first.measure == last.measure == "acc"
    scale, form = (100, ".1f") if shares else (1, ".3f")
    unit, name = (" points", "mean@{} (%)") if shares else ("", "mean score@{}")

    def cell(value: float) -> str:
        return format(scale * value, form)

    gain = f"{scale * (last.mean - first.mean):+{form}}{unit}"
    means = [f"{cell(each.mean)} ± {cell(each.error)}" for each in (first, last)]
    rows: list[Sequence[str]] = [
        (f"{name.format(first.samples)}, {how}", *means, f"{gain}, {first.problems} held-out problems")
    ]
    if not np.isnan(first.best + last.best):
        gain = f"{100 * (last.best - first.best):+.1f} points"
        rows.append((f"pass@{first.samples} (%)", f"{100 * first.best:.1f}", f"{100 * last.best:.1f}", gain))
    return rows


def verdict_shares(report: RunReport) -> Table | None:
    """The share of responses by the verdict's reason and deciding stage, with what the verifier cost.

    None for another reward than the verifier's.
    """
    ends = report.ends
    checks = [validation.verdicts for validation in report.validations]
    checks = [checks[0] if len(checks) > 1 else {}, checks[-1] if checks else {}]
    rows = []
    for reason, note in REASONS.items():
        shares = [end.get(f"reward/reason/{reason}") for end in ends]
        shares += [check.get(reason, 0.0) if check else None for check in checks]
        if any(shares):
            rows.append((reason, *map(_percent, shares), note))
    for stage in get_args(Stage):
        shares = [end.get(f"reward/stage/{stage}") for end in ends]
        if any(shares):
            rows.append((f"decided by {stage}", *map(_percent, shares), "", "", ""))
    head = ("share of responses", "training, first step", "last step", "held out, first", "last", "")
    notes = [_cost(report)] if report.known("reward/seconds/p99") else []
    return Table(head, rows, title="Verdicts", notes=notes) if rows else None


def _cost(report: RunReport) -> str:
    middle, slow = (1000 * np.median(report.known(f"reward/seconds/{q}")) for q in ("p50", "p99"))
    return (
        f"A verdict took {middle:.1f} ms (p50) and {slow:.1f} ms (p99), medians over "
        f"{len(report.known('reward/seconds/p99'))} steps."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def summary(report: RunReport) -> dict[str, Any]:
    """The figures as JSON-able values."""
    shares, seconds, entropy = map(report.known, ("boundary", "timing_s/step", "actor/entropy"))
    return {
        "run": report.name,
        "steps": len(training_steps(report.steps)),
        "validations": [vars(validation) for validation in report.validations],
        "boundary_share_mean": float(np.mean(shares)) if shares else None,
        "rollout_probs_diff_max": max(report.known("training/rollout_probs_diff_max"), default=None),
        "seconds_per_step_median": float(np.median(seconds)) if seconds else None,
        "entropy_last": entropy[-1] if entropy else None,
    }
