"""Figures over the seeds of an experiment: interquartile mean and its interval, and two experiments seed by seed.

Of Agarwal et al., arXiv:2108.13264: a mean of ten runs hangs on its outliers, a median wastes runs, and a difference
without an interval says nothing. Intervals are percentile bootstraps of 95 %, over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from dgpo.evaluation.statistics import REPLICATES, paired_difference


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; `low` and `high` are NaN where there are too few seeds for one."""

    value: float
    low: float
    high: float

    def text(self, form: str = ".3f", scale: float = 1.0) -> str:
        """As ``0.464 [0.447, 0.482]``; the value alone where the interval has no width, or there is none."""
        value, low, high = (format(scale * each, form) for each in (self.value, self.low, self.high))
        return value if np.isnan(self.low) or low == high else f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Paired(Interval):
    """Second minus first over the seeds of both: the mean, and how sure it is.

    Attributes:
        p: two-sided, of a sign-flip permutation test; NaN with fewer than 2 seeds.
        improved: probability that a seed of the second is better than the same seed of the first; ties count half.
    """

    p: float
    improved: float


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


def difference(first: Sequence[ArrayLike], second: Sequence[ArrayLike]) -> Paired:
    """Second minus first, seed by seed, in each stratum (a setting, a task): strata count alike, as in the bootstrap.

    Args:
        first: the values `(S,)` of the seeds of each stratum; seeds where either is NaN are left out.
        second: the same for the other experiment.
    """
    pairs = []
    for one, other in zip(first, second, strict=True):
        both = np.stack([np.asarray(one, dtype=float), np.asarray(other, dtype=float)])
        pairs.append(both[:, ~np.isnan(both).any(0)])
    if not all(pair.size for pair in pairs):
        return Paired(np.nan, np.nan, np.nan, np.nan, np.nan)
    paired = paired_difference([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    improved = float(np.mean([np.mean((b > a) + 0.5 * (a == b)) for a, b in pairs]))
    low, high, p = (np.nan if each is None else each for each in (paired.low, paired.high, paired.p))
    return Paired(paired.value, low, high, p, improved)


def false_discovery_rates(p_values: ArrayLike) -> np.ndarray:
    """P-values of several comparisons as false discovery rates (Benjamini and Hochberg); NaNs stay and do not count."""
    from scipy.stats import false_discovery_control

    values = np.asarray(p_values, dtype=float)
    known = ~np.isnan(values)
    result = np.full_like(values, np.nan)
    if known.any():
        result[known] = false_discovery_control(values[known])
    return result
