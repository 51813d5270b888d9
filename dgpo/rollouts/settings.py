"""The settings of an allocation: the keys of `configs/rollouts/dynamo.yaml`."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from dgpo.errors import check_number

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
    forget: float = 1.0
    mastery: float | None = None
    weight: Weight = "rollouts"

    def __post_init__(self) -> None:
        if not (_whole(self.n) and self.n >= 2):
            raise ValueError(f"low={self.low}: the least group, 2, is more than rollout.n={self.n}")
        if self.low is not None and not (_whole(self.low) and 2 <= self.low <= self.n):
            raise ValueError(f"low={self.low} must be a whole number from 2, the least group, to rollout.n={self.n}")
        if self.high is not None and not (_whole(self.high) and self.high >= self.n):
            raise ValueError(f"high={self.high} must be a whole number, rollout.n={self.n} or more")
        check_number("forget", self.forget, above=0, at_most=1)
        if self.mastery is not None:
            check_number("mastery", self.mastery, above=0, at_most=1)
        if self.weight not in get_args(Weight):
            raise ValueError(f"weight={self.weight} must be one of {', '.join(get_args(Weight))}")

    @classmethod
    def of(cls, config: Any) -> "AllocationSettings":
        """Those of a whole config with a section ``rollouts``."""
        return cls(n=config.actor_rollout_ref.rollout.n, **config.rollouts)

    @property
    def bounds(self) -> dict[str, int]:
        """``low`` and ``high`` of `allocate`."""
        low = max(2, self.n // 2) if self.low is None else self.low
        return {"low": low, "high": self.n + self.n // 2 if self.high is None else self.high}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
