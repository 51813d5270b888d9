"""Rollouts where they teach: how many answers each prompt gets out of a fixed total (DynaMO, arXiv:2602.19208)."""

import heapq
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dgpo.errors import bounded, check_fields

UNKNOWN_SIGMA = 0.5
"""σ of a prompt when no prompt is known: that of a coin, the largest there is."""
Weight = Literal["rollouts", "prompts"]


@dataclass(frozen=True, kw_only=True)
class AllocationSettings:
    """Bounds of the answers a prompt, and what is taken for its σ.

    Attributes:
        n: answers a prompt on average, ``actor_rollout_ref.rollout.n``.
        low, high: the fewest and the most; None is half of n (at least 2), and one and a half of it.
        forget: of `SuccessCounts`, in (0, 1].
        mastery: share of right answers from which on a prompt counts as certain, in (0, 1]; None for never.
        weight: what counts alike in the loss. ``rollouts``: every answer, so that prompts with more of them weigh more,
            as in the authors' release. ``prompts``: every prompt.

    Raises:
        ValueError: a value outside its range, beginning with the key and the value.
    """

    n: int
    low: int | None = None
    high: int | None = None
    forget: float = bounded(1.0, above=0, at_most=1)
    mastery: float | None = bounded(None, above=0, at_most=1)
    weight: Weight = "rollouts"

    def __post_init__(self) -> None:
        if type(self.n) is not int or self.n < 2:
            raise ValueError(f"low={self.low}: the least group, 2, is more than rollout.n={self.n}")
        if self.low is not None and (type(self.low) is not int or not 2 <= self.low <= self.n):
            raise ValueError(f"low={self.low} must be a whole number from 2, the least group, to rollout.n={self.n}")
        if self.high is not None and (type(self.high) is not int or self.high < self.n):
            raise ValueError(f"high={self.high} must be a whole number, rollout.n={self.n} or more")
        check_fields(self)

    @classmethod
    def of(cls, config: Any) -> "AllocationSettings":
        """Those of a whole config with a section ``rollouts``."""
        return cls(n=config.actor_rollout_ref.rollout.n, **config.rollouts)

    @property
    def bounds(self) -> dict[str, int]:
        """``low`` and ``high`` of `allocate`."""
        low = max(2, self.n // 2) if self.low is None else self.low
        return {"low": low, "high": self.n + self.n // 2 if self.high is None else self.high}


def allocate(sigma: Sequence[float | None], total: int, *, low: int, high: int) -> list[int]:
    """Whole n_i in [low, high] with Σ n_i = ``total`` that make the summed variance Σ σ_i²/n_i least.

    One rollout at a time goes where it takes most off the sum, σ²/(n(n + 1)); of equals to the prompt with fewer
    rollouts, then to the earlier one. As σ²/n is convex, no other choice is better, and nothing is rounded: the
    continuous law n_i ∝ σ_i of the paper, with bounds.

    Args:
        sigma: σ_i of each prompt, None where it is unknown: the root mean square of the others, `UNKNOWN_SIGMA`
            without any.

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
    """``sigma`` with the known ones' root mean square, or `UNKNOWN_SIGMA`, for None; ValueError below 0 or infinite."""
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
