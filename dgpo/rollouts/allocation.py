"""Rollouts where they teach: how many answers each prompt gets out of a fixed total (DynaMO, arXiv:2602.19208)."""

import heapq
import math
import statistics
from collections.abc import Sequence

UNKNOWN_SIGMA = 0.5
"""σ of a prompt when no prompt is known: that of a coin, the largest there is."""


def allocate(sigma: Sequence[float | None], total: int, *, low: int, high: int) -> list[int]:
    """Whole n_i in [low, high] with Σ n_i = ``total`` that make the summed variance Σ σ_i²/n_i least.

    One rollout at a time goes where it takes most off the sum, σ²/(n(n + 1)); of equals to the prompt with fewer
    rollouts, then to the earlier one. As σ²/n is convex, no other choice is better, and nothing is rounded: the
    continuous law n_i ∝ σ_i of the paper, with bounds.

    Args:
        sigma: σ_i of each prompt, None where it is unknown: the root mean square of the others, `UNKNOWN_SIGMA`
            without any.

    Returns:
        n_i in the order of ``sigma``.

    Raises:
        ValueError: a negative or infinite σ, low not in [1, high], or a total that the bounds cannot give.
    """
    if not 1 <= low <= high:
        raise ValueError(f"low={low} must be in [1, high={high}]")
    prompts = len(sigma)
    if not prompts * low <= total <= prompts * high:
        within = f"[{prompts * low}, {prompts * high}]"
        raise ValueError(f"total={total} must be in {within} for {prompts} prompts with low={low} and high={high}")
    variance = [value**2 for value in known_sigma(sigma)]
    n = [low] * prompts
    # (gain, negated; rollouts; position) of the prompts that may have one more.
    queue = [(-value / (low * (low + 1)), low, i) for i, value in enumerate(variance) if low < high]
    heapq.heapify(queue)
    for _ in range(total - prompts * low):
        _, count, i = queue[0]
        n[i] = count = count + 1
        if count < high:
            heapq.heapreplace(queue, (-variance[i] / (count * (count + 1)), count, i))
        else:
            heapq.heappop(queue)
    return n


def known_sigma(sigma: Sequence[float | None]) -> list[float]:
    """``sigma`` with the root mean square of the known ones, or `UNKNOWN_SIGMA`, in place of None.

    Raises:
        ValueError: a σ is negative or not finite.
    """
    known = [value for value in sigma if value is not None]
    for value in known:
        if not 0 <= value < math.inf:
            raise ValueError(f"sigma={value} must be a finite number, 0 or more")
    typical = math.sqrt(sum(value**2 for value in known) / len(known)) if known else UNKNOWN_SIGMA
    return [typical if value is None else value for value in sigma]


def summed_variance(sigma: Sequence[float | None], n: Sequence[int]) -> float:
    """Σ σ_i²/n_i, what `allocate` makes least."""
    return sum(value**2 / count for value, count in zip(known_sigma(sigma), n, strict=True))


def allocation_metrics(sigma: Sequence[float | None], n: Sequence[int], *, low: int, high: int) -> dict[str, float]:
    """What was allocated: the metrics under ``rollouts/``.

    ``n_min``, ``n_max``, ``n_std``: answers a prompt. ``at_low``, ``at_high``: share of prompts at the bounds.
    ``unknown``: share without a σ. ``variance_ratio``: Σ σ²/n over that of equal rollouts; 1 where every σ is 0.
    """
    prompts = len(n)
    uniform = sum(value**2 for value in known_sigma(sigma)) * prompts / sum(n)
    return {
        "rollouts/n_min": min(n),
        "rollouts/n_max": max(n),
        "rollouts/n_std": statistics.pstdev(n),
        "rollouts/at_low": n.count(low) / prompts,
        "rollouts/at_high": n.count(high) / prompts,
        "rollouts/unknown": sum(value is None for value in sigma) / prompts,
        "rollouts/variance_ratio": summed_variance(sigma, n) / uniform if uniform else 1.0,
    }
