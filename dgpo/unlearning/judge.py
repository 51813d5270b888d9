"""Metrics of a model from its figures and those of the retain model, with intervals by bootstrap over authors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgpo.errors import UserError
from dgpo.unlearning.metrics import forget_quality, membership_auc, model_utility, privleak, truth_ratio

Result = Mapping[str, Any]
Chosen = Mapping[str, np.ndarray]
"""Numbers of the rows that count, by file; a row may count more than once."""
RESAMPLES = 400
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
"""Metrics in the order of a table."""


@dataclass(frozen=True)
class Measured:
    """A metric with the 5th and 95th percentile of its bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{figure(self.value)} ({figure(self.low)}–{figure(self.high)})"


def figure(value: float) -> str:
    return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def judged(result: Result, retain: Result | None, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Measured]:
    """Each metric that the figures allow.

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
    rng = np.random.default_rng(seed)
    everything = {file: np.arange(len(figures["author"])) for file, figures in result["files"].items()}
    values = metrics_of(result, retain, everything)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    draws = {file: author_draws(figures["author"]) for file, figures in result["files"].items()}
    for _ in range(resamples):
        chosen = {file: draw(rng) for file, draw in draws.items()}
        for name, value in metrics_of(result, retain, chosen).items():
            drawn.setdefault(name, []).append(value)
    found = {}
    for name, value in values.items():
        low, high = np.percentile(drawn[name], [5, 95]) if drawn[name] else (value, value)
        found[name] = Measured(value, float(low), float(high))
    return found


def author_draws(authors: Sequence[str]) -> Callable[[np.random.Generator], np.ndarray]:
    """Draws as many authors as there are, with replacement, each with all rows: those of one are not independent."""
    names, inverse = np.unique(np.asarray(authors), return_inverse=True)
    rows = [np.flatnonzero(inverse == number) for number in range(len(names))]
    return lambda rng: np.concatenate([rows[number] for number in rng.integers(0, len(rows), len(rows))])


def metrics_of(result: Result, retain: Result | None, chosen: Chosen) -> dict[str, float]:
    """The metrics of the rows that are chosen, those that the figures allow."""
    files = result["files"]
    found: dict[str, float] = {}

    def of(source: Result, file: str, name: str) -> list[Any]:
        column = source["files"][file][name]
        return [column[row] for row in chosen[file] if column[row] is not None]

    if retain is not None and "perturbed_loss" in files["forget"]:
        losses = [of(source, "forget", name) for source in (result, retain) for name in LOSSES]
        quality = forget_quality(*losses)
        found |= {"forget_quality": quality.value, "ks_distance": quality.distance}
    if parts := utility_parts(result, chosen):
        found["model_utility"] = model_utility(parts)
    found["forget_probability"] = float(np.exp(-np.array(of(result, "forget", "loss"))).mean())
    if "perturbed_loss" in files["forget"]:
        ratio = truth_ratio(*(of(result, "forget", name) for name in LOSSES))
        found["forget_truth_ratio"] = float(np.minimum(ratio, 1 / ratio).mean())
    for name, column in (("forget_rouge", "rouge"), *((name, name) for name in MEANS)):
        if column in files["forget"] and (values := of(result, "forget", column)):
            found[name] = float(np.mean(values))
    for name in MUSE:
        if name in files:
            found[name] = float(np.mean(of(result, name, name)))
    # MUSE has texts of its own for it.
    pair = ("privleak_forget", "privleak_holdout") if "privleak_holdout" in files else ("forget", "holdout")
    if retain is not None and pair[1] in files:
        scores = [of(source, file, "min_k") for source in (result, retain) for file in pair]
        # A model that has seen the forget rows is no retain model, and makes no scale.
        if membership_auc(*scores[2:]) < 1:
            found["privleak"] = privleak(*scores)
    return found


LOSSES = ("paraphrased_loss", "perturbed_loss")
MUSE = ("verbmem", "knowmem_forget", "knowmem_retain")
MEANS = ("memorized", "extracted", "leaked", "recited", "relearnt")


def utility_parts(result: Result, chosen: Chosen) -> dict[str, float]:
    """TOFU's nine parts of model utility; none where a file or its wrong answers are missing."""
    parts: dict[str, float] = {}
    for file in ("retain_eval", "real_authors", "world_facts"):
        figures = result["files"].get(file, {})
        if "perturbed_loss" not in figures:
            return {}
        rows = chosen[file]
        right = np.exp(-np.array(figures["loss"], dtype=float)[rows])
        wrong = [figures["perturbed_loss"][row] for row in rows]
        shares = right if file == "retain_eval" else right / (right + [np.exp(-np.array(row)).sum() for row in wrong])
        ratio = truth_ratio([figures["paraphrased_loss"][row] for row in rows], wrong)
        parts[f"{file} probability"] = float(shares.mean())
        parts[f"{file} ROUGE-L"] = float(np.array(figures["rouge"])[rows].mean())
        parts[f"{file} truth ratio"] = float(np.maximum(0, 1 - ratio).mean())
    return parts
