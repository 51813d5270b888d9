"""The picture of a run: reward and accuracy, entropy, boundary tokens, gradient norm, over steps."""

from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from dgpo.runs.figures import RunReport

REGIONS = (
    ("ln", "LN: A < 0, r < 1 − ε", "tab:blue"),
    ("hp", "HP: A > 0, r > 1 + ε", "tab:red"),
    ("lp", "LP: A > 0, r < 1 − ε", "tab:cyan"),
    ("hn", "HN: A < 0, r > 1 + ε", "tab:orange"),
)


def plot(report: RunReport, files: list[Path]) -> None:
    """Draw ``report`` to each of ``files``; the suffix is the format."""
    training = report.training()
    steps = list(training)
    figure, ((accuracy, entropy), (regions, gradient)) = plt.subplots(
        2, 2, figsize=(10, 6.4), sharex=True, layout="constrained"
    )

    def series(axes: Axes, key: str, label: str, color: str, scale: float = 1.0) -> None:
        points = [(step, scale * training[step][key]) for step in steps if key in training[step]]
        if points:
            axes.plot(*zip(*points, strict=True), color=color, label=label, linewidth=1.4)

    series(accuracy, "critic/score/mean", "training reward (mean of the batch)", "tab:gray")
    if report.validations:
        at = [validation.step for validation in report.validations]
        mean = [validation.mean for validation in report.validations]
        error = [validation.error for validation in report.validations]
        k = report.validations[0].samples
        accuracy.errorbar(at, mean, error, color="tab:green", marker="o", capsize=3, label=f"held out, mean@{k} ± s.e.")
    accuracy.set(ylabel="share right", title="Accuracy")
    series(entropy, "actor/entropy", "policy", "tab:purple")
    entropy.set(ylabel="nats a token", title="Entropy")
    for region, label, color in REGIONS:
        series(regions, f"actor/region/{region}/share", label, color, 100.0)
    regions.set(xlabel="step", ylabel="% of response tokens", title="Tokens outside the trust region")
    regions.set_ylim(0, 1.45 * regions.get_ylim()[1])
    series(gradient, "actor/grad_norm", "norm before clipping", "tab:brown")
    gradient.set(xlabel="step", ylabel="norm", title="Gradient")
    for axes in (accuracy, entropy, regions, gradient):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.suptitle(report.name)
    for file in files:
        figure.savefig(file, dpi=150)
    plt.close(figure)
