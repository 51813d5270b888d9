"""ProxMO's credit for the turns of an agent (arXiv:2602.19225), over the trajectories of one task from one start.

    A = w(R, p) · A_E + ω (G − B)

A_E is GRPO's advantage of the trajectory's success R, w weighs it by the group's share of successes p, G is the
discounted return from a turn on, and B a mean of the returns of all turns of the group, by how much their observations
look alike. B holds the turn's own return, and varies with what was visited: as a baseline it is biased.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import Tensor

STD_EPSILON = 1e-6
"""Added to the deviation of successes, as verl's GRPO adds it."""
WORD = re.compile(r"\w+")
"""A token of an observation. One-character words count: "drawer 1" is not "drawer 2"."""


def episode_weight(p: float, success: float, *, alpha: float = 4.0, range: float = 0.05) -> float:
    """w = 1 + range · f / f_max: a success counts for more where few succeed, a failure for less where most fail.

    f = sigmoid((1 − p)^α) − ½ for a success and sigmoid(−p^α) − ½ for a failure, f_max = sigmoid(1) − ½. So w is in
    [1, 1 + range] or [1 − range, 1].

    Args:
        p: share of successful trajectories in the group.
        success: of this one, 0 or 1.

    Raises:
        ValueError: p not in [0, 1], another success.
    """
    if success not in (0, 1):
        raise ValueError(f"success={success} must be 0 or 1")
    if not 0 <= p <= 1:
        raise ValueError(f"p={p} must be in [0, 1]")
    exponent = (1 - p) ** alpha if success else -(p**alpha)
    return float(1 + range * (expit(exponent) - 0.5) / (expit(1.0) - 0.5))


def soft_baseline(
    observations: Sequence[str], returns: Sequence[float], *, temperature: float = 0.1, exclude_self: bool = False
) -> list[float]:
    """B_i = Σ_j softmax_j(cos(x_i, x_j)/temperature) · G_j, with the TF-IDF vectors x of the observations.

    Their weights are those of scikit-learn's TfidfVectorizer but for `WORD`: lower case, raw counts,
    ln((1 + N)/(1 + df)) + 1, over these N observations. Texts without a word are alike.

    Args:
        observations, returns: of all turns of the group.
        temperature: > 0; as it grows, B becomes the mean.
        exclude_self: leave the turn's own return out; alone, it is its own baseline all the same.

    Raises:
        ValueError: unequal lengths, a temperature that is not positive.
    """
    if len(observations) != len(returns):
        raise ValueError(f"{len(observations)} observations and {len(returns)} returns must be as many")
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")
    if len(observations) < 2:
        return list(returns)
    vectors = _tfidf(observations)
    logits = vectors @ vectors.T / temperature
    if exclude_self:
        np.fill_diagonal(logits, -np.inf)
    return (softmax(logits, axis=1) @ np.asarray(returns, dtype=float)).tolist()


def _tfidf(texts: Sequence[str]) -> np.ndarray:
    """Vectors of length 1, ``(texts, words)``."""
    words = [Counter(WORD.findall(text.lower()) or [""]) for text in texts]
    frequency = Counter(word for counter in words for word in counter)
    column = {word: i for i, word in enumerate(frequency)}
    vectors = np.zeros((len(texts), len(column)))
    for row, counter in zip(vectors, words, strict=True):
        for word, times in counter.items():
            row[column[word]] = times * (math.log((1 + len(texts)) / (1 + frequency[word])) + 1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def discounted_returns(rewards: Sequence[float], gamma: float) -> list[float]:
    """G_t = r_t + γ · G_(t+1)."""
    returns: list[float] = []
    for reward in reversed(rewards):
        returns.append(reward + gamma * (returns[-1] if returns else 0.0))
    return returns[::-1]


def standardised(values: Sequence[float], divide_by_std: bool) -> list[float]:
    """Distances from the mean, in units of the deviation; one value alone is its mean."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return [0.0] * len(array)
    centred = array - array.mean()
    return (centred / (array.std(ddof=1) + STD_EPSILON) if divide_by_std else centred).tolist()


def turn_advantages(
    trajectories: Sequence[Mapping[str, Any]],
    *,
    gamma: float = 0.95,
    alpha: float = 4.0,
    range: float = 0.05,
    omega: float = 1.0,
    temperature: float = 0.1,
    divide_by_std: bool = True,
) -> list[list[float]]:
    """The advantage of each turn of each trajectory of a group.

    p is of trajectories, whatever their length, and of success, whatever the rewards.

    Args:
        trajectories: ``rewards`` and ``observations`` (before the action) of its turns, and ``success``, 0 or 1.
        gamma, omega: γ of the returns, and ω.
        alpha, range, temperature: of `episode_weight` and `soft_baseline`.
        divide_by_std: A_E is (R − mean)/(deviation + 1e-6), as in the paper; else R − mean, as in the authors' release.

    Raises:
        ValueError: another success, rewards and observations of unequal number.
    """
    successes = np.array([each["success"] for each in trajectories], dtype=float)
    for i, each in enumerate(trajectories):
        if len(each["rewards"]) != len(each["observations"]):
            counts = f"{len(each['rewards'])} rewards and {len(each['observations'])} observations"
            raise ValueError(f"trajectory {i}: {counts} must be as many")
    if not len(successes):
        return []
    p = float(successes.mean())
    episode = standardised(successes.tolist(), divide_by_std)
    returns = [discounted_returns(each["rewards"], gamma) for each in trajectories]
    observations = [text for each in trajectories for text in each["observations"]]
    baseline = iter(soft_baseline(observations, [g for each in returns for g in each], temperature=temperature))
    outcomes = zip(successes.tolist(), episode, strict=True)
    weighted = [episode_weight(p, success, alpha=alpha, range=range) * a for success, a in outcomes]
    return [[a + omega * (g - next(baseline)) for g in each] for a, each in zip(weighted, returns, strict=True)]


def token_advantages(
    turn_advantage: Sequence[float], spans: Sequence[tuple[int, int]], response_mask: Tensor
) -> Tensor:
    """Each turn's advantage on its tokens, `(T,)`; 0 on all others, and where the mask is 0.

    Args:
        spans: [start, end) of each turn in the response; one that reaches beyond T keeps its head.
        response_mask: `(T,)`.

    Raises:
        ValueError: as many spans as advantages there must be, each with 0 <= start <= end.
    """
    if len(spans) != len(turn_advantage):
        raise ValueError(f"{len(turn_advantage)} advantages and {len(spans)} spans must be as many")
    advantages = torch.zeros(len(response_mask))
    for (start, end), advantage in zip(spans, turn_advantage, strict=True):
        if not 0 <= start <= end:
            raise ValueError(f"span [{start}, {end}) must have 0 <= start <= end")
        advantages[start:end] = advantage
    return torch.where(response_mask.bool(), advantages, 0.0)
