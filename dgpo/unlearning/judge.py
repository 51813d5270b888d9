"""Metrics of unlearned models from their figures and the retain model's, with intervals by bootstrap over authors.

Side by side in a table, and in a picture of forgetting against utility.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.errors import UserError
from dgpo.evaluation.statistics import Interval
from dgpo.tables import ABSENT, Table, write_tables
from dgpo.unlearning.metrics import forget_quality, membership_auc, model_utility, privleak, truth_ratio

Result = Mapping[str, Any]
Rows = Mapping[str, np.ndarray]
"""By file, the numbers of the rows that count; a row may count more than once."""
NAMES = {
    "forget_quality": "forget quality p",
    "ks_distance": "KS D",
    "model_utility": "utility",
    "forget_probability": "probability",
    "forget_rouge": "ROUGE-L",
    "forget_truth_ratio": "truth ratio",
    "memorized": "memorised",
    "extracted": "extracted",
    "leaked": "leaked",
    "recited": "3 tokens given",
    "relearnt": "relearnt",
    "privleak": "privacy leak",
    "verbmem": "verbatim",
    "knowmem_forget": "knowledge to forget",
    "knowmem_retain": "knowledge to keep",
}
"""Metrics in the order of a table, with their headings."""
LOSSES = ("paraphrased_loss", "perturbed_loss")
MUSE = ("verbmem", "knowmem_forget", "knowmem_retain")
MEANS = ("memorized", "extracted", "leaked", "recited", "relearnt")
"""Figures of the forget rows whose mean is a metric."""
UTILITY = ("retain_eval", "real_authors", "world_facts")
"""Files that model utility has three parts of each of."""
NOTES = (
    "In brackets the 5th and 95th percentile of a bootstrap over authors. A forget quality is a p-value on a grid: "
    "read it with its KS distance, and do not tell models apart whose intervals overlap.",
    "Attacks: of each span the first 3 tokens given, how often the rest follows; after a few steps on a fifth of the "
    "forget rows, how often the others' words stand in the model's own answers. What they bring back was not erased.",
)


def judge_model(result: Result, retain: Result | None, resamples: int) -> dict[str, Interval]:
    """The metrics of a model, by name, with the 5th and 95th percentile of their bootstrap.

    One whose figures are missing is left out.

    Raises:
        UserError: the retain model was measured on other rows.
    """
    if retain is not None:
        for file, figures in result["files"].items():
            other = retain["files"].get(file, figures)
            if other["author"] != figures["author"]:
                raise UserError(
                    f"--retain={retain['model']}: it was measured on other rows of {file}; measure it again"
                )
    rng = np.random.default_rng(0)
    every = {file: np.arange(len(figures["author"])) for file, figures in result["files"].items()}
    values = metrics_of(result, retain, every)
    resampled: dict[str, list[float]] = {name: [] for name in values}
    # Rows of one author are not independent: as many authors as there are are drawn, and all rows of each.
    by_author = {}
    for file, figures in result["files"].items():
        names, numbers = np.unique(figures["author"], return_inverse=True)
        by_author[file] = [np.flatnonzero(numbers == number) for number in range(len(names))]
    for _ in range(resamples):
        rows = {
            file: np.concatenate([authors[number] for number in rng.integers(0, len(authors), len(authors))])
            for file, authors in by_author.items()
        }
        for name, value in metrics_of(result, retain, rows).items():
            resampled.setdefault(name, []).append(value)
    metrics = {}
    for name, value in values.items():
        low, high = np.percentile(resampled[name], [5, 95]) if resampled[name] else (value, value)
        metrics[name] = Interval(value, float(low), float(high))
    return metrics


def metrics_of(result: Result, retain: Result | None, rows: Rows) -> dict[str, float]:
    """The metrics over the given rows, by name; one whose figures are missing is left out."""
    files = result["files"]
    metrics: dict[str, float] = {}

    def column(file: str, name: str, source: Result = result) -> list[Any]:
        values = source["files"][file][name]
        return [values[row] for row in rows[file] if values[row] is not None]

    def truth_ratios(file: str) -> np.ndarray:
        return truth_ratio(*(column(file, name) for name in LOSSES))

    if retain is not None and "perturbed_loss" in files["forget"]:
        quality = forget_quality(*(column("forget", name, source) for source in (result, retain) for name in LOSSES))
        metrics |= {"forget_quality": quality.value, "ks_distance": quality.distance}
    if all("perturbed_loss" in files.get(file, {}) for file in UTILITY):
        parts: dict[str, float] = {}
        for file in UTILITY:
            share = np.exp(-np.array(column(file, "loss")))
            if file != "retain_eval":
                share /= share + [np.exp(-np.array(losses)).sum() for losses in column(file, "perturbed_loss")]
            parts[f"{file} probability"] = float(share.mean())
            parts[f"{file} ROUGE-L"] = float(np.mean(column(file, "rouge")))
            parts[f"{file} truth ratio"] = float(np.maximum(0, 1 - truth_ratios(file)).mean())
        metrics["model_utility"] = model_utility(parts)
    metrics["forget_probability"] = float(np.exp(-np.array(column("forget", "loss"))).mean())
    if "perturbed_loss" in files["forget"]:
        ratio = truth_ratios("forget")
        metrics["forget_truth_ratio"] = float(np.minimum(ratio, 1 / ratio).mean())
    means = {"forget_rouge": ("forget", "rouge"), **{name: ("forget", name) for name in MEANS}}
    for name, (file, figure) in {**means, **{name: (name, name) for name in MUSE}}.items():
        if figure in files.get(file, {}) and (values := column(file, figure)):
            metrics[name] = float(np.mean(values))
    # MUSE has separate texts for privacy leakage.
    pair = ("privleak_forget", "privleak_holdout") if "privleak_holdout" in files else ("forget", "holdout")
    if retain is not None and pair[1] in files:
        scores = [column(file, "min_k", source) for source in (result, retain) for file in pair]
        # A retain model with an AUC of 1 has seen the forget rows, and is no scale to measure on.
        if membership_auc(*scores[2:]) < 1:
            metrics["privleak"] = privleak(*scores)
    return metrics


def table_of(models: Mapping[str, Mapping[str, Interval]], title: str = "") -> Table:
    """A metric a row, a model a column."""
    names = [name for name in NAMES if any(name in metrics for metrics in models.values())]
    rows = [[NAMES[name], *metric_cells(each.get(name) for each in models.values())] for name in names]
    return Table(["", *models], rows, title=title, notes=NOTES)


def metric_cells(metrics: Iterable[Interval | None]) -> list[str]:
    """Metrics with their intervals as the cells of a table."""
    return [ABSENT if each is None else each.text(".3g") for each in metrics]


def picture(models: Mapping[str, Mapping[str, Interval]], stem: Path) -> None:
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
    figure.legend(loc="outside right upper", fontsize=8)
    save(figure, stem, ["png"])


def write_report(
    results: Sequence[Mapping[str, Any]], retain: Mapping[str, Any] | None, out: Path, resamples: int
) -> None:
    """Judge the results, print a table, write report.md, report.json and forget_utility.png to ``out``.

    Raises:
        UserError: two results have one name, or they are of other rows than the retain model's.
    """
    everything = [*results, *([retain] if retain else [])]
    models: dict[str, dict[str, Interval]] = {}
    for result in everything:
        name = Path(result["model"]).name
        if name in models:
            raise UserError(f"{result['model']}: two models are called {name}; rename one folder")
        models[name] = judge_model(result, retain, resamples)
    table = table_of(models, "Unlearning")
    content = {model: {name: vars(value) for name, value in metrics.items()} for model, metrics in models.items()}
    drawn = {name: each for name, each in models.items() if {"model_utility", "ks_distance"} <= each.keys()}
    after = ""
    if drawn:
        picture(drawn, out / "forget_utility")
        after = "\n![forgetting against utility](forget_utility.png)\n"
    write_tables(out / "report", [table], content, after=after)
