"""The report's pictures: pass@k curves, accuracy by benchmark, response lengths."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dgpo.evaluation.figures import Evaluation, all_benchmarks, by_benchmark
from dgpo.pictures import plain, plt, save

COLUMNS = 3


def draw(evaluations: Sequence[Evaluation], folder: Path) -> None:
    """Write pass_at_k, accuracy and lengths into `folder`, each as PNG and SVG."""
    pictures = {"pass_at_k": pass_at_k_curves, "accuracy": accuracy_bars, "lengths": length_histograms}
    for name, figure_of in pictures.items():
        save(figure_of(evaluations), folder / name)


def pass_at_k_curves(evaluations: Sequence[Evaluation]) -> Figure:
    """pass@k (solid, with a band of one standard error) and maj@k (dashed) over k, one panel for each benchmark."""
    figure, panels = _panels(evaluations)
    for name, number, evaluation, figures in by_benchmark(evaluations):
        axes, color = panels[name], f"C{number}"
        ks = list(figures.pass_at)
        value = np.array([100 * each.value for each in figures.pass_at.values()])
        error = np.array([100 * (each.error or 0.0) for each in figures.pass_at.values()])
        axes.plot(ks, value, color=color, marker="o", markersize=3, label=plain(f"{evaluation.name}, pass@k"))
        low, high = np.clip(value - error, 0, 100), np.clip(value + error, 0, 100)
        axes.fill_between(ks, low, high, color=color, alpha=0.15, linewidth=0)
        if figures.majority_at:
            majority = [100 * each.value for each in figures.majority_at.values()]
            label = plain(f"{evaluation.name}, maj@k")
            axes.plot(list(figures.majority_at), majority, color=color, linestyle="--", label=label)
    for name, axes in panels.items():
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(title=name, xlabel="samples k", ylabel="%")
    return _finished(figure, panels)


def accuracy_bars(evaluations: Sequence[Evaluation]) -> Figure:
    """avg@n of each model on each benchmark, with one standard error over problems."""
    names = all_benchmarks(evaluations)
    figure, axes = plt.subplots(figsize=(max(5.0, 1.6 * len(names)), 4), layout="constrained")
    width = 0.8 / len(evaluations)
    for number, evaluation in enumerate(evaluations):
        places = [row for row, name in enumerate(names) if name in evaluation.benchmarks]
        averages = [evaluation.benchmarks[names[row]].avg for row in places]
        axes.bar(
            [place + width * (number - (len(evaluations) - 1) / 2) for place in places],
            [100 * each.value for each in averages],
            width,
            yerr=[100 * (each.error or 0.0) for each in averages],
            capsize=3,
            label=plain(evaluation.name),
        )
    axes.set_xticks(range(len(names)), names, rotation=20 if len(names) > 4 else 0)
    axes.set(ylabel="avg@n (%), ± standard error", title="Accuracy", ylim=(0, None))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def length_histograms(evaluations: Sequence[Evaluation]) -> Figure:
    """Response tokens, one panel for each benchmark, with a line where responses are cut off."""
    figure, panels = _panels(evaluations)
    longest: dict[str, float] = {}
    for name, _, _, figures in by_benchmark(evaluations):
        longest[name] = max(longest.get(name, 0), figures.length["max"])
    for name, number, evaluation, figures in by_benchmark(evaluations):
        axes, color = panels[name], f"C{number}"
        bins = np.linspace(0, longest[name] + 1, 41).tolist()
        weights = np.full(figures.lengths.size, 100 / figures.lengths.size)
        label = f"{evaluation.name}, {100 * figures.truncated:.1f} % cut off"
        axes.hist(figures.lengths, bins=bins, weights=weights, histtype="step", color=color, label=label)
        if figures.truncated:
            axes.axvline(evaluation.settings.sampling.max_tokens, color=color, linestyle=":", linewidth=1)
        axes.set(title=name, xlabel="response tokens", ylabel="% of responses")
    return _finished(figure, panels)


def _panels(evaluations: Sequence[Evaluation]) -> tuple[Figure, dict[str, Axes]]:
    names = all_benchmarks(evaluations)
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )  # fmt: skip
    axes = list(grid.flat)
    for unused in axes[len(names) :]:
        unused.set_visible(False)
    return figure, dict(zip(names, axes[: len(names)], strict=True))


def _finished(figure: Figure, panels: dict[str, Axes]) -> Figure:
    for axes in panels.values():
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return figure
