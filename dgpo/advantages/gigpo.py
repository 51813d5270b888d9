"""What ProxMO is compared with on the same trajectories: GRPO (arXiv:2402.03300) and GiGPO (arXiv:2505.10978).

Trajectories are those of `proxmo.turn_advantages`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dgpo.advantages.proxmo import discounted_returns, standardised


def grpo_turn_advantages(trajectories: Sequence[Mapping[str, Any]], *, divide_by_std: bool = True) -> list[list[float]]:
    """GRPO's advantage of the trajectory's summed rewards, on each of its turns."""
    totals = [sum(each["rewards"]) for each in trajectories]
    advantages = standardised(totals, divide_by_std)
    return [[a] * len(each["rewards"]) for a, each in zip(advantages, trajectories, strict=True)]


def gigpo_turn_advantages(
    trajectories: Sequence[Mapping[str, Any]],
    *,
    gamma: float = 0.95,
    omega: float = 1.0,
    divide_by_std: bool = True,
) -> list[list[float]]:
    """A = A_E + ω A_S: GRPO's, and the same of the returns from each turn on, within turns of equal observations.

    A turn whose observation no other one has gets A_S = 0.

    Args:
        gamma: γ of the returns.
    """
    returns = [g for each in trajectories for g in discounted_returns(each["rewards"], gamma)]
    alike = defaultdict[str, list[int]](list)
    for place, text in enumerate(text for each in trajectories for text in each["observations"]):
        alike[text].append(place)
    step = np.zeros(len(returns))
    for places in alike.values():
        step[places] = standardised([returns[place] for place in places], divide_by_std)
    rest = iter(step.tolist())
    episode = grpo_turn_advantages(trajectories, divide_by_std=divide_by_std)
    return [[a + omega * next(rest) for a in each] for each in episode]
