"""Accuracy of sampled answers: pass@k, avg@k, maj@k, their standard errors; whether two models or experiments differ.

Over the seeds of an experiment the interquartile mean, with an interval (Agarwal et al., arXiv:2108.13264): a mean of
ten runs hangs on its outliers, a median wastes runs, and a difference without an interval says nothing.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_SAMPLES = 1000
"""Limit for maj@k: the binomial coefficients of more samples do not fit into a float."""
REPLICATES = 10_000
FEWEST = 6
"""Fewest problems for a 95 % interval: with fewer, the 2^P signs give no p-value below 0.05."""


def pass_at_k(num_samples: ArrayLike, num_correct: ArrayLike, k: int) -> NDArray[np.float64]:
    r"""Unbiased probability that at least one of ``k`` samples of a problem is right.

    .. math:: 1 - \binom{n-c}{k} / \binom{n}{k}

    the share of the size-``k`` subsets of the ``n`` drawn samples that hold one of the ``c`` right ones
    (Chen et al., arXiv:2107.03374, eq. 1), in whole numbers of any size.

    Args:
        num_samples: ``n`` of each problem, ``(P,)`` or a scalar.
        num_correct: ``c`` of each problem, of the same or a broadcastable shape.
        k: Subset size, at most the smallest ``n``.

    Returns:
        The estimate of each problem, of the broadcast shape. Their mean is the pass@k of the set.
    """
    samples, correct = _counts(num_samples, num_correct)
    if k < 1 or (samples.size and k > samples.min()):
        raise ValueError(f"k={k} must lie between 1 and the fewest samples of a problem ({samples.min()})")
    pairs = zip(samples.ravel().tolist(), correct.ravel().tolist(), strict=True)
    estimates = [1 - math.comb(n - c, k) / math.comb(n, k) for n, c in pairs]
    return np.array(estimates, dtype=np.float64).reshape(samples.shape)


def avg_at_k(num_samples: ArrayLike, num_correct: ArrayLike) -> NDArray[np.float64]:
    """Share ``c / n`` of right samples of each problem, ``(P,)``; its mean over problems is avg@k with k = n.

    It equals ``pass_at_k(n, c, 1)``; k changes only its noise.
    """
    samples, correct = _counts(num_samples, num_correct)
    return correct / samples


def standard_error_over_problems(per_problem: ArrayLike) -> float:
    r"""Standard error of the mean of ``per_problem`` values ``(P,)``, if the problems are a random sample.

    .. math:: \sqrt{\sum_p (x_p - \bar x)^2 / (P (P - 1))}

    Each problem is one cluster: its samples are not independent, and counting them as such would make the
    error too small (Miller, arXiv:2411.00640, sec. 2.2). It includes the noise of sampling.
    """
    values = np.asarray(per_problem, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"an error over problems needs a value for each of 2 or more problems, got {values.shape}")
    return float(values.std(ddof=1) / np.sqrt(values.size))


def standard_error_over_samples(num_samples: ArrayLike, num_correct: ArrayLike) -> float:
    r"""Standard error of avg@k on this fixed set of problems, from the noise of sampling alone.

    .. math:: \frac{1}{P} \sqrt{\sum_p \frac{a_p (1 - a_p)}{n_p - 1}}, \quad a_p = c_p / n_p

    It applies to exactly these problems; `standard_error_over_problems` applies to problems of the same kind. Needs 2
    or more samples of every problem.
    """
    samples, correct = _counts(num_samples, num_correct)
    if samples.size == 0 or samples.min() < 2:
        raise ValueError("an error over samples needs 2 or more samples of every problem")
    share = correct / samples
    return float(np.sqrt(np.sum(share * (1 - share) / (samples - 1))) / samples.size)


def majority_at_k(num_correct: int, wrong: Sequence[int], num_without: int, k: int) -> float:
    r"""Probability that the most frequent answer of ``k`` samples is right, exactly.

    The ``k`` samples are a random subset, without replacement, of the ``n`` drawn ones: the mean over all
    :math:`\binom{n}{k}` subsets, so unbiased for k samples of the model, as pass@k is. Samples without an answer do
    not vote; of ``t`` answers that lead together one is chosen at random; where nobody votes, the result is wrong.

    With m votes for the right answer, each wrong one has at most m, and i of them have exactly m:

    .. math:: \frac{1}{\binom{n}{k}} \sum_{m \ge 1} \binom{c}{m} \sum_i \frac{1}{1 + i} [x^{k-m} y^i]
        (1 + x)^{n_0} \prod_j \Big( \sum_{v < m} \binom{n_j}{v} x^v + y \binom{n_j}{m} x^m \Big)

    Args:
        num_correct: ``c``, samples with the right answer, all in one class.
        wrong: ``n_j``, samples of each class of equal wrong answers.
        num_without: ``n_0``, samples without an answer.
        k: Votes; at most the ``n`` samples in all.

    Raises ValueError for a ``k`` out of range, or more than `MAX_SAMPLES` samples.
    """
    n = num_correct + sum(wrong) + num_without
    if not 1 <= k <= n:
        raise ValueError(f"k={k} must lie between 1 and the number of samples ({n})")
    if n > MAX_SAMPLES:
        raise ValueError(f"maj@k is exact for up to {MAX_SAMPLES} samples of a problem, and there are {n}")
    return float(_majority(num_correct, tuple(sorted(wrong)), num_without)[k])


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; `low` and `high` are NaN where there are too few values for one."""

    value: float
    low: float
    high: float

    def text(self, form: str = ".3f", scale: float = 1.0) -> str:
        """As ``0.464 [0.447, 0.482]``; the value alone where the interval has no width, or there is none."""
        value, low, high = (format(scale * each, form) for each in (self.value, self.low, self.high))
        return value if math.isnan(self.low) or low == high else f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Paired(Interval):
    """Second minus first: mean over benchmarks (or other strata), and how sure it is.

    Attributes:
        low, high: NaN where a benchmark has fewer than `FEWEST` problems.
        p: two-sided, of a sign-flip permutation test; NaN where there is one problem in all.
        improved: share of the problems on which the second is better; ties count half.
    """

    p: float
    improved: float


def paired_difference(
    first: Sequence[ArrayLike], second: Sequence[ArrayLike], *, replicates: int = REPLICATES, seed: int = 0
) -> Paired:
    """The difference of two models' macro averages, each with its samples on the same problems.

    Pairing takes out how hard a problem is. The interval is the 2.5th to the 97.5th percentile of a bootstrap:
    problems are drawn with replacement within each benchmark, a problem's two values together. With few problems
    (30 in AIME) it is rough, and without spread it has no width.

    p is the share of sign flips that leave the difference at least as far from zero: if neither model is better, each
    problem's difference could as well have had the other sign. All 2^m signs of the m problems that differ are tried
    where they are no more than the replicates, so that p is exact; else random ones, the observed one counted in.

    Two experiments are compared in the same way, with seeds for problems.

    Args:
        first: The value of each problem, ``(P,)``, of each benchmark; problems where either is NaN are left out.
        second: The same for the other model, problem by problem.

    Returns:
        NaN throughout where a benchmark has no problem left.

    Raises ValueError where the two do not pair up.
    """
    from scipy.stats import bootstrap, permutation_test  # takes a second, which pass@k need not wait for

    differences: list[NDArray[np.float64]] = []
    for one, other in zip(first, second, strict=True):
        before, after = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
        if before.shape != after.shape or before.ndim != 1:
            raise ValueError(f"the two models need values of the same problems, got {before.shape} and {after.shape}")
        delta = after - before
        differences.append(delta[~np.isnan(delta)])
    if not differences:
        raise ValueError("a comparison needs at least one benchmark that both models have")
    low = high = p = math.nan
    if not all(values.size for values in differences):
        return Paired(math.nan, low, high, p, math.nan)

    def macro_average(*values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.mean([each.mean(axis) for each in values], axis=0)

    def distance(shares: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.abs(shares.sum(axis)).round(12)  # equal up to rounding counts as equally far

    rng = np.random.default_rng(seed)
    if min(values.size for values in differences) >= FEWEST:
        drawn = bootstrap(differences, macro_average, n_resamples=replicates, batch=500, method="percentile", rng=rng)
        low, high = map(float, drawn.confidence_interval)
    shares = np.concatenate([values / (values.size * len(differences)) for values in differences])
    if shares.size > 1:
        p, shares = 1.0, shares[shares != 0]
        if shares.size > 1:
            flipped = permutation_test(
                (shares,), distance, permutation_type="samples", n_resamples=replicates, batch=500,
                alternative="greater", rng=rng,
            )  # fmt: skip
            p = float(flipped.pvalue)
    improved = macro_average(*((np.sign(values) + 1) / 2 for values in differences))
    return Paired(float(macro_average(*differences)), low, high, p, float(improved))


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
        rng, middle = np.random.default_rng(0), functools.partial(trim_mean, proportiontocut=0.25)
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


def _counts(num_samples: ArrayLike, num_correct: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    samples, correct = np.broadcast_arrays(np.asarray(num_samples), np.asarray(num_correct))
    if not (np.issubdtype(samples.dtype, np.integer) and np.issubdtype(correct.dtype, np.integer)):
        raise TypeError(f"counts must be integers, got {samples.dtype} samples and {correct.dtype} correct")
    if samples.size and (samples.min() < 1 or correct.min() < 0 or np.any(correct > samples)):
        raise ValueError("need 0 <= num_correct <= num_samples and num_samples >= 1 for every problem")
    return samples.astype(np.int64), correct.astype(np.int64)


@functools.lru_cache(maxsize=65536)
def _majority(c: int, wrong: tuple[int, ...], without: int) -> NDArray[np.float64]:
    """`majority_at_k` for every k from 0 to n."""
    n = c + sum(wrong) + without
    total = np.zeros(n + 1)
    for m in range(1, c + 1):
        ties = sum(size >= m for size in wrong)
        ways = np.zeros((ties + 1, n + 1))  # [classes that tie, votes for any wrong class or none]
        ways[0, : without + 1] = _row(without, without)
        for size in wrong:
            factor = _row(size, min(m - 1, size))
            below = np.array([np.convolve(each, factor)[: n + 1] for each in ways])
            if size >= m:
                below[1:, m:] += math.comb(size, m) * ways[:-1, : n + 1 - m]
            ways = below
        shares = (ways / np.arange(1, ties + 2)[:, None]).sum(0)
        total[m:] += math.comb(c, m) * shares[: n + 1 - m]
    return total / np.array([float(math.comb(n, k)) for k in range(n + 1)])


def _row(n: int, most: int) -> NDArray[np.float64]:
    return np.array([float(math.comb(n, v)) for v in range(most + 1)])
