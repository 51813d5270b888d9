"""Accuracy of sampled answers: pass@k, avg@k and their standard errors, clustered by problem."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pass_at_k(num_samples: ArrayLike, num_correct: ArrayLike, k: int) -> NDArray[np.float64]:
    r"""Unbiased probability that at least one of ``k`` samples of a problem is right.

    .. math:: 1 - \binom{n-c}{k} / \binom{n}{k} = 1 - \prod_{i=n-c+1}^{n} (1 - k/i)

    the share of the size-``k`` subsets of the ``n`` drawn samples that hold one of the ``c`` right ones
    (Chen et al., arXiv:2107.03374, eq. 1), as a product that neither overflows nor cancels.

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
    estimates = [_pass_at_k(int(n), int(c), k) for n, c in zip(samples.ravel(), correct.ravel(), strict=True)]
    return np.array(estimates, dtype=np.float64).reshape(samples.shape)


def avg_at_k(num_samples: ArrayLike, num_correct: ArrayLike) -> NDArray[np.float64]:
    """Share ``c / n`` of right samples of each problem, ``(P,)``; its mean over problems is avg@k with k = n.

    It does not depend on k beyond its noise, and equals ``pass_at_k(n, c, 1)``.
    """
    samples, correct = _counts(num_samples, num_correct)
    return correct / samples


def standard_error_over_problems(per_problem: ArrayLike) -> float:
    r"""Standard error of the mean of ``per_problem`` values ``(P,)``, the problems taken as drawn at random.

    .. math:: \sqrt{\sum_p (x_p - \bar x)^2 / (P (P - 1))}

    Each problem is one cluster: its samples are not independent, and counting them as such would make the
    error too small (Miller, arXiv:2411.00640, sec. 2.2). The noise of the samples within problems is
    included.
    """
    values = np.asarray(per_problem, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"an error over problems needs a value for each of 2 or more problems, got {values.shape}")
    return float(values.std(ddof=1) / np.sqrt(values.size))


def standard_error_over_samples(num_samples: ArrayLike, num_correct: ArrayLike) -> float:
    r"""Standard error of avg@k on this fixed set of problems, from the noise of sampling alone.

    .. math:: \frac{1}{P} \sqrt{\sum_p \frac{a_p (1 - a_p)}{n_p - 1}}, \quad a_p = c_p / n_p

    The figure for comparing two models on the same problems; `standard_error_over_problems` is the one for
    problems of the same kind. Needs 2 or more samples of every problem.
    """
    samples, correct = _counts(num_samples, num_correct)
    if samples.size == 0 or samples.min() < 2:
        raise ValueError("an error over samples needs 2 or more samples of every problem")
    share = correct / samples
    return float(np.sqrt(np.sum(share * (1 - share) / (samples - 1))) / samples.size)


def _pass_at_k(n: int, c: int, k: int) -> float:
    if n - c < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def _counts(num_samples: ArrayLike, num_correct: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    samples, correct = np.broadcast_arrays(np.asarray(num_samples), np.asarray(num_correct))
    if not (np.issubdtype(samples.dtype, np.integer) and np.issubdtype(correct.dtype, np.integer)):
        raise TypeError(f"counts must be integers, got {samples.dtype} samples and {correct.dtype} correct")
    if samples.size and (samples.min() < 1 or correct.min() < 0 or np.any(correct > samples)):
        raise ValueError("need 0 <= num_correct <= num_samples and num_samples >= 1 for every problem")
    return samples.astype(np.int64), correct.astype(np.int64)
