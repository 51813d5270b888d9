"""Figures over the seeds of an experiment: the interquartile mean with its interval, and rates of false discoveries.

Of Agarwal et al., arXiv:2108.13264: a mean of ten runs hangs on its outliers, a median wastes runs, and a difference
without an interval says nothing. Intervals are percentile bootstraps of 95 %, over seeds.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from dgpo.evaluation.statistics import REPLICATES, Interval, Paired


def middle_mean(values: ArrayLike) -> float:
    """Mean of the middle half of `values` `(S,)`; NaNs are left out."""
    from scipy.stats import trim_mean  # takes a second

    known = _known(values)
    return float(trim_mean(known, 0.25)) if known.size else np.nan


def _known(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return array[~np.isnan(array)]


def interquartile_mean(values: ArrayLike) -> Interval:
    """`middle_mean`, with a bootstrap over the values where there are 3 or more."""
    from scipy.stats import bootstrap, trim_mean

    known, low, high = _known(values), np.nan, np.nan
    if known.size > 2:
        rng, middle = np.random.default_rng(0), partial(trim_mean, proportiontocut=0.25)
        drawn = bootstrap((known,), middle, n_resamples=REPLICATES, batch=2000, method="percentile", rng=rng)
        low, high = map(float, drawn.confidence_interval)
    return Interval(middle_mean(known), low, high)


def false_discovery_rates(p_values: ArrayLike) -> np.ndarray:
    """P-values of several comparisons as false discovery rates (Benjamini and Hochberg); NaNs stay and do not count."""
    from scipy.stats import false_discovery_control

    values = np.asarray(p_values, dtype=float)
    known = ~np.isnan(values)
    result = np.full_like(values, np.nan)
    if known.any():
        result[known] = false_discovery_control(values[known])
    return result


def corrected(differences: Mapping[str, Paired]) -> dict[str, Paired]:
    """Differences from one reference with `false_discovery_rates` for their p."""
    rates = false_discovery_rates([each.p for each in differences.values()])
    return {name: replace(each, p=float(p)) for (name, each), p in zip(differences.items(), rates, strict=True)}
