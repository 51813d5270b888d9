"""Is one model better than another on the same problems? A paired bootstrap over problems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 10_000
_CHUNK = 500


@dataclass(frozen=True)
class Difference:
    """Second model minus first: mean over benchmarks, its 95 % interval, and a two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    first: Sequence[ArrayLike], second: Sequence[ArrayLike], *, replicates: int = REPLICATES, seed: int = 0
) -> Difference:
    """The difference of two models' macro averages, each with its samples on the same problems.

    Problems are drawn with replacement within each benchmark, a problem's two values together, which takes out
    how hard it is. The interval is the 2.5th to the 97.5th percentile of the replicates; p is the share of
    replicates at least as far from the observed difference as that is from zero, the observed one counted in.
    With few problems (30 in AIME) both are rough.

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
    means = np.zeros(replicates)
    for values in differences:
        for begin in range(0, replicates, _CHUNK):
            count = min(_CHUNK, replicates - begin)
            drawn = values[rng.integers(0, values.size, (count, values.size))]
            means[begin : begin + count] += drawn.mean(1) / len(differences)
    observed = float(np.mean([values.mean() for values in differences]))
    low, high = np.percentile(means, [2.5, 97.5])
    # A hair's breadth: equal up to rounding counts as equally far.
    farther = np.sum(np.abs(means - observed) >= abs(observed) - 1e-12)
    return Difference(observed, float(low), float(high), float((farther + 1) / (replicates + 1)))
