"""Is one model better than another on the same problems? A sign-flip test, and a paired bootstrap for the interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 10_000
FEWEST = 6
"""Problems of a benchmark with an interval of 95 %: with fewer, 2^P signs leave no p-value below 0.05."""

_CHUNK = 500


@dataclass(frozen=True)
class Difference:
    """Second model minus first: mean over benchmarks, its 95 % interval, and a two-sided p-value.

    `low` and `high` are None where a benchmark has fewer than `FEWEST` problems, `p` where there is one problem in all.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None


def paired_difference(
    first: Sequence[ArrayLike], second: Sequence[ArrayLike], *, replicates: int = REPLICATES, seed: int = 0
) -> Difference:
    """The difference of two models' macro averages, each with its samples on the same problems.

    Pairing takes out how hard a problem is. The interval is the 2.5th to the 97.5th percentile of a bootstrap:
    problems are drawn with replacement within each benchmark, a problem's two values together. With few problems
    (30 in AIME) it is rough, and without spread it has no width.

    p is the share of sign flips that leave the difference at least as far from zero: if neither model is better, each
    problem's difference could as well have had the other sign. All 2^m signs of the m problems that differ are tried
    where they are no more than the replicates, so that p is exact; else random ones, the observed one counted in.

    Args:
        first: The value of each problem, ``(P,)``, of each benchmark.
        second: The same for the other model, problem by problem.

    Raises ValueError where the two do not pair up.
    """
    differences: list[NDArray[np.float64]] = []
    for one, other in zip(first, second, strict=True):
        before, after = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
        if before.shape != after.shape or before.ndim != 1 or not before.size:
            raise ValueError(f"the two models need values of the same problems, got {before.shape} and {after.shape}")
        differences.append(after - before)
    if not differences:
        raise ValueError("a comparison needs at least one benchmark that both models have")
    rng = np.random.default_rng(seed)
    value = float(np.mean([values.mean() for values in differences]))
    low, high = None, None
    if min(values.size for values in differences) >= FEWEST:
        low, high = map(float, np.percentile(_bootstrap(differences, replicates, rng), [2.5, 97.5]))
    shares = np.concatenate([values / (values.size * len(differences)) for values in differences])
    return Difference(value, low, high, _sign_flip(shares, replicates, rng) if shares.size > 1 else None)


def _bootstrap(
    differences: Sequence[NDArray[np.float64]], replicates: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    means = np.zeros(replicates)
    for values in differences:
        for begin, count in _chunks(replicates):
            drawn = values[rng.integers(0, values.size, (count, values.size))]
            means[begin : begin + count] += drawn.mean(1) / len(differences)
    return means


def _sign_flip(shares: NDArray[np.float64], replicates: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of the sum of ``shares``."""
    shares = shares[shares != 0]
    is_exact = 2**shares.size <= replicates
    flips = 2**shares.size if is_exact else replicates
    farther = 0
    for begin, count in _chunks(flips):
        if is_exact:
            flipped = np.arange(begin, begin + count)[:, None] >> np.arange(shares.size) & 1
        else:
            flipped = rng.integers(0, 2, (count, shares.size))
        # A hair's breadth: equal up to rounding counts as equally far.
        farther += int(np.sum(np.abs((1 - 2 * flipped) @ shares) >= abs(shares.sum()) - 1e-12))
    return farther / flips if is_exact else (farther + 1) / (flips + 1)


def _chunks(total: int) -> Iterator[tuple[int, int]]:
    """(begin, count) of each part, so that memory does not grow with the replicates."""
    return ((begin, min(_CHUNK, total - begin)) for begin in range(0, total, _CHUNK))
