"""The figures of a study: accuracy against learning rate, and curves of the runs at the best rates."""

from pathlib import Path

import numpy as np

from dgpo.evaluation.statistics import interquartile_mean, middle_mean
from dgpo.pictures import legend, line_style, plain, plt, save
from dgpo.studies.analysis import ACCURACY, ENTROPY, PASS, K, MethodRuns, Study
from dgpo.studies.training import KS, Setting


def draw_curves(study: Study, setting: Setting, stem: Path) -> list[Path]:
    """Each method at its best rate: accuracy, pass@k and entropy over the updates, and pass@k over k at the end."""
    figure, grid = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")
    updates = setting.epochs * setting.updates
    for number, (name, method) in enumerate(study.methods.items()):
        look = line_style(number)
        measured = np.flatnonzero(~np.isnan(method.judged[0][ACCURACY]))
        accuracy, passed, entropy = (middle(method, key, measured) for key in (ACCURACY, PASS.format(K), ENTROPY))
        grid[0, 0].plot(measured * updates, accuracy, label=plain(name), **look)
        grid[0, 1].plot(measured * updates, passed, **look)
        grid[1, 0].plot(accuracy, entropy, **look)
        at_the_end = (ACCURACY, *(PASS.format(k) for k in KS[1:]))
        grid[1, 1].plot(KS, [middle_mean(method.last(key)) for key in at_the_end], **look)
    grid[0, 0].set(title="accuracy (avg@k)", xlabel="updates")
    grid[0, 1].set(title=f"pass@{K}", xlabel="updates")
    grid[1, 0].set(title="entropy at equal accuracy", xlabel="accuracy", ylabel="nats a token")
    grid[1, 0].axvline(study.level, color="0.6", linewidth=0.8)
    grid[1, 1].set(title="pass@k at the end", xlabel="k")
    grid[1, 1].set_xscale("log", base=2)
    figure.suptitle("Each method at its best rate: interquartile means over seeds")
    legend(figure, grid[0, 0])
    return save(figure, stem)


def draw_rates(study: Study, stem: Path) -> list[Path]:
    """Final accuracy and pass@k against the learning rate, a line for each method, with intervals."""
    figure, panels = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
    for number, (name, method) in enumerate(study.methods.items()):
        # Moved apart, so that the intervals at one rate do not hide each other.
        places = np.array(study.rates) * 1.012 ** (number - len(study.methods) / 2)
        for axes, key in zip(panels, (ACCURACY, PASS.format(K)), strict=True):
            means = [interquartile_mean(row) for row in method.ends(key)]
            values = np.array([each.value for each in means])
            error = np.array([[each.value - each.low for each in means], [each.high - each.value for each in means]])
            axes.errorbar(places, values, np.nan_to_num(error), label=plain(name), capsize=2, **line_style(number))
    for axes, title in zip(panels, ("accuracy (avg@k) at the end", f"pass@{K} at the end"), strict=True):
        axes.set(title=title, xlabel="learning rate", xscale="log")
        axes.set_xticks(study.rates, [f"{rate:g}" for rate in study.rates])
        axes.minorticks_off()
    legend(figure, panels[0])
    return save(figure, stem)


def middle(method: MethodRuns, key: str, steps: np.ndarray) -> list[float]:
    """Interquartile mean over seeds of a metric at `steps`."""
    return [middle_mean(column) for column in np.array([record[key][steps] for record in method.judged]).T]
