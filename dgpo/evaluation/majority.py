"""maj@k: the accuracy of the most frequent answer among k samples, and what counts as one answer."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgpo.verifier import verify
from dgpo.verifier.normalise import clean, key

MAX_SAMPLES = 1000
"""Binomial coefficients of more samples do not fit a float."""


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
            below = _times(ways, _row(size, min(m - 1, size)))
            if size >= m:
                below[1:, m:] += math.comb(size, m) * ways[:-1, : n + 1 - m]
            ways = below
        shares = (ways / np.arange(1, ties + 2)[:, None]).sum(0)
        total[m:] += math.comb(c, m) * shares[: n + 1 - m]
    return total / np.array([float(math.comb(n, k)) for k in range(n + 1)])


def _row(n: int, most: int) -> NDArray[np.float64]:
    return np.array([float(math.comb(n, v)) for v in range(most + 1)])


def _times(ways: NDArray[np.float64], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    product = np.zeros_like(ways)
    for power, coefficient in enumerate(factor):
        product[:, power:] += coefficient * ways[:, : ways.shape[1] - power]
    return product


def answer_key(answer: str) -> str:
    """The answer without the layout that never matters; equal keys are equal answers."""
    return key(clean(answer))


def group_answers(answers: Sequence[tuple[str, bool]], timeout: float) -> list[int]:
    """The class of each answer of one problem, numbered from 0: equal keys, or equal in the verifier's eyes.

    Args:
        answers: Its `answer_key`, and whether the verifier could read it. One that it could not is equal only to
            its own copies; that also keeps answers that take all the time there is from taking it again.
        timeout: Seconds for comparing two answers. An answer joins the first class whose first member it equals.
    """
    firsts: list[str | None] = []
    found: dict[str, int] = {}
    for text, readable in answers:
        if text in found:
            continue
        number = next((i for i, first in enumerate(firsts) if readable and first and _same(text, first, timeout)), None)
        found[text] = len(firsts) if number is None else number
        if number is None:
            firsts.append(text if readable else None)
    return [found[text] for text, _ in answers]


def _same(answer: str, first: str, timeout: float) -> bool:
    return bool(verify(answer, first, mode="answer", timeout=timeout))
