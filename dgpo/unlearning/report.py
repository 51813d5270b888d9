"""Models side by side: a table of metrics with intervals, and a picture of forgetting against utility."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.files import make_folder, replace_json, replace_text
from dgpo.tables import Table
from dgpo.unlearning.judge import NAMES, MetricInterval, judge_model

NOTES = (
    "In brackets the 5th and 95th percentile of a bootstrap over authors. A forget quality is a p-value on a grid: "
    "read it with its KS distance, and do not tell models apart whose intervals overlap.",
    "Attacks: of each span the first 3 tokens given, how often the rest follows; after a few steps on a fifth of the "
    "forget rows, how often the others' words stand in the model's own answers. What they bring back was not erased.",
)


def table_of(models: Mapping[str, Mapping[str, MetricInterval]], title: str = "") -> Table:
    """A metric a row, a model a column."""
    names = [name for name in NAMES if any(name in metrics for metrics in models.values())]
    rows = [[NAMES[name], *(str(metrics.get(name, "–")) for metrics in models.values())] for name in names]
    return Table(["", *models], rows, title=title, notes=NOTES, words=[""])


def picture(models: Mapping[str, Mapping[str, MetricInterval]], file: Path) -> None:
    """Utility against the KS distance from the retain model: the best model is at the upper right."""
    from dgpo.pictures import plain, plt, save

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for index, (name, metrics) in enumerate(models.items()):
        x, y = metrics["model_utility"], metrics["ks_distance"]
        # An interval need not hold its value: a bootstrapped distance is longer than the distance.
        spread: Any = [[[max(0, each.value - each.low)], [max(0, each.high - each.value)]] for each in (x, y)]
        marker = "os^D"[index // 10 % 4]  # there are ten colours
        axes.errorbar([x.value], [y.value], xerr=spread[0], yerr=spread[1], marker=marker, capsize=3, label=plain(name))
    axes.set_xlabel("model utility")
    axes.set_ylabel("KS distance of truth ratios from the retain model's")
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    save(figure, [file])


def write_report(
    results: Sequence[Mapping[str, Any]], retain: Mapping[str, Any] | None, out: Path, resamples: int
) -> Table:
    """Judge the results, write report.md, report.json and forget_utility.png to ``out``; the table.

    Raises:
        UserError: two results have one name, or they are of other rows than the retain model's.
    """
    everything = [*results, *([retain] if retain else [])]
    models: dict[str, dict[str, MetricInterval]] = {}
    for result in everything:
        name = Path(result["model"]).name
        if name in models:
            raise UserError(f"{result['model']}: two models are called {name}; rename one folder")
        models[name] = judge_model(result, retain, resamples)
    make_folder(out, "out")
    table = table_of(models, "Unlearning")
    content = {model: {name: vars(value) for name, value in metrics.items()} for model, metrics in models.items()}
    replace_json(out / "report.json", content)
    drawn = {name: each for name, each in models.items() if {"model_utility", "ks_distance"} <= each.keys()}
    text = table.markdown()
    if drawn:
        picture(drawn, out / "forget_utility.png")
        text += "\n![forgetting against utility](forget_utility.png)\n"
    replace_text(out / "report.md", text)
    return table
