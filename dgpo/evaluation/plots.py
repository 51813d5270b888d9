"""The report's pictures: pass@k curves, which begin at avg@n, and response lengths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dgpo.evaluation.figures import Evaluation, all_benchmarks, by_benchmark
from dgpo.pictures import plain, plt, save

COLUMNS = 3


def draw(evaluations: Sequence[Evaluation], folder: Path) -> None:
    """Write pass_at_k and lengths into `folder`, each as PNG and SVG."""
    save(pass_at_k_curves(evaluations), folder / "pass_at_k")
    save(length_histograms(evaluations), folder / "lengths")


def pass_at_k_curves(evaluations: Sequence[Evaluation]) -> Figure:
    """pass@k (solid, with a band of one standard error) and maj@k (dashed) over k, one panel for each benchmark."""
    figure, panels = _panels(evaluations)
    for name, number, evaluation, figures in by_benchmark(evaluations):
        axes, color = panels[name], f"C{number}"
        ks = list(figures.pass_at)
        value = np.array([100 * each.value for each in figures.pass_at.values()])
        error = np.nan_to_num([100 * each.error for each in figures.pass_at.values()])
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
        axes.legend(fontsize=7)
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
        axes.legend(fontsize=7)
    return figure


def _panels(evaluations: Sequence[Evaluation]) -> tuple[Figure, dict[str, Axes]]:
    names = all_benchmarks(evaluations)
    columns = min(COLUMNS, len(names))
    padded = [*names, *["."] * (-len(names) % columns)]
    rows: Any = [padded[start : start + columns] for start in range(0, len(padded), columns)]
    return plt.subplot_mosaic(rows, figsize=(4.2 * columns, 3.4 * len(rows)), layout="constrained")
