"""A task on which losses differ: column sums, some facts of which a policy has learned wrongly.

Two numbers of three digits are added from the right, two tokens a column, its carry and its digit, then the end:

    345+678   ->   1 3  1 2  1 0  end      (5+8=13, 4+7+1=12, 3+6+1=10)

A teacher has misconceptions: for some pairs of digits it writes one fixed wrong digit, and the right one rarely. It
forgets carries, and errs at random. A policy that has learned from it must find each such fact by sampling a rare
token, and must lose the wrong one that it believes. A problem has one right answer, which makes accuracy exact: the
probability of that sequence.
"""

import numpy as np

from dgpo.tasks.misconceptions import FORGOTTEN, RIGHT

COLUMNS = 3
LENGTH = 2 * COLUMNS + 1
END, BEGIN = 10, 11
"""After the digits; BEGIN stands before the first token and is never written."""
VOCABULARY = 11

NOISE = 0.04
"""Probability of a random wrong digit elsewhere."""


def problems(count: int, rng: np.random.Generator, *, held_out: bool = False) -> np.ndarray:
    """Digits `(count, COLUMNS, 2)` of random problems, column by column from the right.

    A fifth of all pairs of numbers, whatever their order, is held out.
    """
    bound, pairs = 10**COLUMNS, np.empty((0, 2), dtype=np.int64)
    while len(pairs) < count:
        candidates = rng.integers(0, bound, (2 * count if not held_out else 8 * count, 2))
        # A multiplicative hash of the pair.
        hashes = (candidates.min(1) * bound + candidates.max(1)) * 2654435761 % 2**32
        pairs = np.concatenate([pairs, candidates[((hashes >> 16) % 5 == 0) == held_out]])
    powers = 10 ** np.arange(COLUMNS)
    return pairs[:count, None, :] // powers[:, None] % 10


def right_answers(digits: np.ndarray) -> np.ndarray:
    """The right answer `(..., LENGTH)` to each problem `(..., COLUMNS, 2)`."""
    answers = np.full((*digits.shape[:-2], LENGTH), END)
    carry = np.zeros(digits.shape[:-2], dtype=np.int64)
    for column in range(COLUMNS):
        carry, answers[..., 2 * column + 1] = np.divmod(digits[..., column, :].sum(-1) + carry, 10)
        answers[..., 2 * column] = carry
    return answers


def taught_answers(digits: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The teacher's answers `(P, LENGTH)` to problems `(P, COLUMNS, 2)`, with the misconceptions `wrong`.

    It goes on from its own mistakes.
    """
    answers = np.full((len(digits), LENGTH), END)
    carry = np.zeros(len(digits), dtype=np.int64)
    for column in range(COLUMNS):
        first, second = digits[:, column].T
        carry, digit = np.divmod(first + second + carry, 10)
        carry = carry * (rng.random(len(digits)) >= FORGOTTEN)
        believed = wrong[first, second]
        noise = rng.integers(1, 10, len(digits)) * (rng.random(len(digits)) < NOISE)
        error = np.where(believed > 0, believed * (rng.random(len(digits)) >= RIGHT), noise)
        answers[:, 2 * column], answers[:, 2 * column + 1] = carry, (digit + error) % 10
    return answers
