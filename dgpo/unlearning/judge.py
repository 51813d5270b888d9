"""Metrics of an unlearned model, from its figures and the retain model's, with intervals by bootstrap over authors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgpo.errors import UserError
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


@dataclass(frozen=True)
class MetricInterval:
    """A metric with the 5th and 95th percentile of its bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{format_figure(self.value)} ({format_figure(self.low)}–{format_figure(self.high)})"


def format_figure(value: float) -> str:
    return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def judge_model(result: Result, retain: Result | None, resamples: int) -> dict[str, MetricInterval]:
    """The metrics of a model, by name, with bootstrap intervals; one whose figures are missing is left out.

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
    all_rows = {file: np.arange(len(figures["author"])) for file, figures in result["files"].items()}
    values = metrics_of(result, retain, all_rows)
    resampled: dict[str, list[float]] = {name: [] for name in values}
    draws = {file: author_draws(figures["author"]) for file, figures in result["files"].items()}
    for _ in range(resamples):
        rows = {file: draw(rng) for file, draw in draws.items()}
        for name, value in metrics_of(result, retain, rows).items():
            resampled.setdefault(name, []).append(value)
    metrics = {}
    for name, value in values.items():
        low, high = np.percentile(resampled[name], [5, 95]) if resampled[name] else (value, value)
        metrics[name] = MetricInterval(value, float(low), float(high))
    return metrics


def author_draws(authors: Sequence[str]) -> Callable[[np.random.Generator], np.ndarray]:
    """A bootstrap by author: draws as many authors as there are, with replacement, and returns all rows of each.

    Rows of one author are not independent, so they are drawn together.
    """
    names, inverse = np.unique(np.asarray(authors), return_inverse=True)
    rows = [np.flatnonzero(inverse == number) for number in range(len(names))]
    return lambda rng: np.concatenate([rows[number] for number in rng.integers(0, len(rows), len(rows))])


def metrics_of(result: Result, retain: Result | None, rows: Rows) -> dict[str, float]:
    """The metrics over the given rows, by name; one whose figures are missing is left out."""
    files = result["files"]
    metrics: dict[str, float] = {}

    def column(source: Result, file: str, name: str) -> list[Any]:
        values = source["files"][file][name]
        return [values[row] for row in rows[file] if values[row] is not None]

    if retain is not None and "perturbed_loss" in files["forget"]:
        losses = [column(source, "forget", name) for source in (result, retain) for name in LOSSES]
        quality = forget_quality(*losses)
        metrics |= {"forget_quality": quality.value, "ks_distance": quality.distance}
    if parts := utility_parts(result, rows):
        metrics["model_utility"] = model_utility(parts)
    metrics["forget_probability"] = float(np.exp(-np.array(column(result, "forget", "loss"))).mean())
    if "perturbed_loss" in files["forget"]:
        ratio = truth_ratio(*(column(result, "forget", name) for name in LOSSES))
        metrics["forget_truth_ratio"] = float(np.minimum(ratio, 1 / ratio).mean())
    for name, figure in (("forget_rouge", "rouge"), *((name, name) for name in MEANS)):
        if figure in files["forget"] and (values := column(result, "forget", figure)):
            metrics[name] = float(np.mean(values))
    for name in MUSE:
        if name in files:
            metrics[name] = float(np.mean(column(result, name, name)))
    # MUSE has separate texts for privacy leakage.
    pair = ("privleak_forget", "privleak_holdout") if "privleak_holdout" in files else ("forget", "holdout")
    if retain is not None and pair[1] in files:
        scores = [column(source, file, "min_k") for source in (result, retain) for file in pair]
        # A retain model with an AUC of 1 has seen the forget rows, and is no scale to measure on.
        if membership_auc(*scores[2:]) < 1:
            metrics["privleak"] = privleak(*scores)
    return metrics


def utility_parts(result: Result, rows: Rows) -> dict[str, float]:
    """TOFU's nine parts of model utility; none where a file or its wrong answers are missing."""
    parts: dict[str, float] = {}
    for file in ("retain_eval", "real_authors", "world_facts"):
        figures = result["files"].get(file, {})
        if "perturbed_loss" not in figures:
            return {}
        chosen = rows[file]
        right = np.exp(-np.array(figures["loss"], dtype=float)[chosen])
        wrong = [figures["perturbed_loss"][row] for row in chosen]
        shares = right if file == "retain_eval" else right / (right + [np.exp(-np.array(row)).sum() for row in wrong])
        ratio = truth_ratio([figures["paraphrased_loss"][row] for row in chosen], wrong)
        parts[f"{file} probability"] = float(shares.mean())
        parts[f"{file} ROUGE-L"] = float(np.array(figures["rouge"])[chosen].mean())
        parts[f"{file} truth ratio"] = float(np.maximum(0, 1 - ratio).mean())
    return parts
