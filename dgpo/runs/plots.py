"""Pictures over steps: one run's reward and accuracy, entropy, boundary tokens and gradient norm; several runs'."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dgpo.pictures import plain, plt, save
from dgpo.runs.metrics import Validation, validation_score

Steps = Mapping[int, Mapping[str, Any]]

REGIONS = (
    ("ln", "LN: A < 0, r < 1 − ε", "tab:blue"),
    ("hp", "HP: A > 0, r > 1 + ε", "tab:red"),
    ("lp", "LP: A > 0, r < 1 − ε", "tab:cyan"),
    ("hn", "HN: A < 0, r > 1 + ε", "tab:orange"),
)
ROLLOUTS = (
    ("rollouts/n_max", "most", "tab:red"),
    ("rollouts/n_min", "fewest", "tab:blue"),
    ("rollouts/n_std", "deviation", "tab:gray"),
)
FACTORS = (
    ("rollouts/variance_ratio", "variance of verdicts, of the uniform", "tab:green"),
    ("modulation/comp_mean", "mean of b_comp", "tab:blue"),
    ("modulation/stab_mean", "mean of b_stab", "tab:orange"),
    ("modulation/boosted_share", "share with b_comp > 1", "tab:cyan"),
    ("modulation/damped_share", "share with b_stab < 0.95", "tab:red"),
)
COMPARED = {
    "validation score": validation_score,
    "training reward": lambda metrics: metrics.get("critic/score/mean"),
    "entropy (nats a token)": lambda metrics: metrics.get("actor/entropy"),
    "gradient norm": lambda metrics: metrics.get("actor/grad_norm"),
}


def draw_run(name: str, validations: Sequence[Validation], steps: Steps, stem: Path) -> list[Path]:
    """Draw a run to ``stem``.png and .svg."""
    known = {key for metrics in steps.values() for key in metrics}
    rows = 3 if known & {key for key, *_ in (*ROLLOUTS, *FACTORS)} else 2
    figure, grid = plt.subplots(rows, 2, figsize=(10, 3.2 * rows), sharex=True, layout="constrained")
    accuracy, entropy, regions, gradient, *more = grid.flat

    def series(axes: Axes, key: str, label: str, color: str, scale: float = 1.0) -> None:
        points = [
            (step, scale * metrics[key])
            for step, metrics in steps.items()
            if "actor/grad_norm" in metrics and key in metrics
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=color, label=label, linewidth=1.4)

    series(accuracy, "critic/score/mean", "training reward (mean of the batch)", "tab:gray")
    series(accuracy, "rollouts/success", "training, every prompt alike", "tab:olive")
    if validations:
        at, mean, error = ([getattr(each, field) for each in validations] for field in ("step", "mean", "error"))
        k = validations[0].samples
        accuracy.errorbar(at, mean, error, color="tab:green", marker="o", capsize=3, label=f"held out, mean@{k} ± s.e.")
    accuracy.set(ylabel="share right", title="Accuracy")
    series(entropy, "actor/entropy", "policy", "tab:purple")
    entropy.set(ylabel="nats a token", title="Entropy")
    for region, label, color in REGIONS:
        series(regions, f"actor/region/{region}/share", label, color, 100.0)
    regions.set(ylabel="% of response tokens", title="Tokens outside the trust region")
    regions.set_ylim(0, 1.45 * regions.get_ylim()[1])
    series(gradient, "actor/grad_norm", "norm before clipping", "tab:brown")
    gradient.set(ylabel="norm", title="Gradient")
    for axes, title, drawn in zip(more, ("Answers a prompt", "DynaMO's ratios"), (ROLLOUTS, FACTORS), strict=False):
        axes.set(title=title)
        for line in drawn:
            series(axes, *line)
    for axes in grid[-1]:
        axes.set(xlabel="step")
    for axes in grid.flat:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.suptitle(plain(name))
    return save(figure, stem)


def draw_comparison(runs: Mapping[str, Sequence[Steps]], stem: Path) -> list[Path]:
    """Draw `COMPARED`, a colour an experiment: the mean of its runs, and each run behind it."""
    figure, grid = plt.subplots(2, 2, figsize=(10, 6.4), sharex=True, layout="constrained")
    for axes, (title, read) in zip(grid.flat, COMPARED.items(), strict=True):
        for number, (label, histories) in enumerate(runs.items()):
            by_step: dict[int, list[float]] = defaultdict(list)
            for steps in histories:
                points = {step: value for step, metrics in steps.items() if (value := read(metrics)) is not None}
                axes.plot(list(points), list(points.values()), color=f"C{number}", alpha=0.25, linewidth=0.8)
                for step, value in points.items():
                    by_step[step].append(value)
            mean = {step: float(np.mean(by_step[step])) for step in sorted(by_step)}
            axes.plot(list(mean), list(mean.values()), color=f"C{number}", label=plain(label), linewidth=1.6)
        axes.set(title=title, xlabel="step")
    grid.flat[0].legend(fontsize=8)
    return save(figure, stem)
