"""Pictures over steps: one run's reward and accuracy, entropy, boundary tokens and gradient norm; several runs'."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.pictures import plain, plt, save
from dgpo.runs.metrics import Validation, points, training_steps

Steps = Mapping[int, Mapping[str, Any]]

# Title and unit of a panel, what its metrics are multiplied by, and its lines: metric, label and colour.
PANELS = (
    ("Accuracy", "share right", 1, (
        ("critic/score/mean", "training reward (mean of the batch)", "tab:gray"),
        ("rollouts/success", "training, every prompt alike", "tab:olive"),
    )),
    ("Entropy", "nats a token", 1, (("actor/entropy", "policy", "tab:purple"),)),
    ("Tokens outside the trust region", "% of response tokens", 100, (
        ("actor/region/ln/share", "LN: A < 0, r < 1 − ε", "tab:blue"),
        ("actor/region/hp/share", "HP: A > 0, r > 1 + ε", "tab:red"),
        ("actor/region/lp/share", "LP: A > 0, r < 1 − ε", "tab:cyan"),
        ("actor/region/hn/share", "HN: A < 0, r > 1 + ε", "tab:orange"),
    )),
    ("Gradient", "norm", 1, (("actor/grad_norm", "norm before clipping", "tab:brown"),)),
)  # fmt: skip
OF_DYNAMO = (
    ("Answers a prompt", "", 1, (
        ("rollouts/n_max", "most", "tab:red"),
        ("rollouts/n_min", "fewest", "tab:blue"),
        ("rollouts/n_std", "deviation", "tab:gray"),
    )),
    ("DynaMO's ratios", "", 1, (
        ("rollouts/variance_ratio", "variance of verdicts, of the uniform", "tab:green"),
        ("modulation/comp_mean", "mean of b_comp", "tab:blue"),
        ("modulation/stab_mean", "mean of b_stab", "tab:orange"),
        ("modulation/boosted_share", "share with b_comp > 1", "tab:cyan"),
        ("modulation/damped_share", "share with b_stab < 0.95", "tab:red"),
    )),
)  # fmt: skip
COMPARED = {
    "validation score": "validation",
    "training reward": "critic/score/mean",
    "entropy (nats a token)": "actor/entropy",
    "gradient norm": "actor/grad_norm",
}


def draw_run(name: str, validations: Sequence[Validation], steps: Steps, stem: Path) -> list[Path]:
    """Draw a run to ``stem``.png and .svg."""
    training = training_steps(steps)
    has_more = any(points(training, key) for *_, lines in OF_DYNAMO for key, *_ in lines)
    panels = (*PANELS, *OF_DYNAMO) if has_more else PANELS
    rows = len(panels) // 2
    figure, grid = plt.subplots(rows, 2, figsize=(10, 3.2 * rows), sharex=True, layout="constrained")
    for axes, (title, unit, scale, lines) in zip(grid.flat, panels, strict=True):
        axes.set(title=title, ylabel=unit)
        for key, label, color in lines:
            if line := points(training, key):
                axes.plot(list(line), [scale * each for each in line.values()], color=color, label=label, linewidth=1.4)
    accuracy, _, regions, *_ = grid.flat
    if validations:
        at, mean, error = ([getattr(each, field) for each in validations] for field in ("step", "mean", "error"))
        k = validations[0].samples
        accuracy.errorbar(at, mean, error, color="tab:green", marker="o", capsize=3, label=f"held out, mean@{k} ± s.e.")
    regions.set_ylim(0, 1.45 * regions.get_ylim()[1])
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
    for axes, (title, key) in zip(grid.flat, COMPARED.items(), strict=True):
        for number, (label, histories) in enumerate(runs.items()):
            by_step: dict[int, list[float]] = defaultdict(list)
            for steps in histories:
                line = points(steps, key)
                axes.plot(list(line), list(line.values()), color=f"C{number}", alpha=0.25, linewidth=0.8)
                for step, value in line.items():
                    by_step[step].append(value)
            mean = {step: float(np.mean(by_step[step])) for step in sorted(by_step)}
            axes.plot(list(mean), list(mean.values()), color=f"C{number}", label=plain(label), linewidth=1.6)
        axes.set(title=title, xlabel="step")
    grid.flat[0].legend(fontsize=8)
    return save(figure, stem)
