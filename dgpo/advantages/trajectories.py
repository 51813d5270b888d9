"""Trajectories put together from the rows of a batch, the credit of their turns, and what it says as figures.

Beside ProxMO stands what it is compared with: GRPO (arXiv:2402.03300) and GiGPO (arXiv:2505.10978).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dgpo.advantages.proxmo import discounted_returns, episode_weight, standardised, turn_advantages
from dgpo.batch import split_key
from dgpo.errors import UserError


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

    A turn whose observation no other one has gets A_S = 0. Returns are discounted by ``gamma``.
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


CREDIT: dict[str, Callable[..., list[list[float]]]] = {
    "proxmo": turn_advantages,
    "gigpo": gigpo_turn_advantages,
    "grpo": grpo_turn_advantages,
}
"""The methods of ``credit.method``; the rest of the section are options of the method's function."""
ESTIMATOR = "turns"
"""The name in verl's registry of the estimator that hands out what `advantages.verl.credit_turns` has computed."""


def trajectories_of(
    keys: Sequence[str], rows: Sequence[Mapping[str, Any]], padding: Sequence[bool]
) -> dict[tuple[str, str], dict[str, Any]]:
    """By prompt and session: ``rewards``, ``observations`` and ``success`` as `proxmo.turn_advantages` takes them.

    Args:
        keys: verl's; the rows of a session are numbered in the order of their turns.
        rows: of each, what the agent loop noted: ``turns``, ``success``, ``lost``.
        padding: whether verl has added the row.

    Returns:
        Also ``lost``, why an environment could not go on, and ``spans``: of each turn its row and [start, end) there.
    """
    episodes: dict[tuple[str, str], dict[str, Any]] = {}
    parts = [split_key(key) for key in keys]
    for place in sorted(range(len(keys)), key=lambda place: int(parts[place][2])):
        if padding[place]:
            continue
        row, (uid, session, _) = rows[place], parts[place]
        empty = {"rewards": [], "observations": [], "spans": []}
        whole = episodes.setdefault((uid, session), {**empty, "success": float(row["success"]), "lost": row["lost"]})
        for turn in row["turns"]:
            whole["rewards"].append(turn["reward"])
            whole["observations"].append(turn["observation"])
            whole["spans"].append((place, (turn["start"], turn["end"])))
    return episodes


def refuse_lost(lost: Sequence[str], most: float) -> None:
    """Raises UserError where environments could not go on in more than the share ``most`` of the episodes."""
    causes = Counter(cause for cause in lost if cause)
    if causes.total() > most * len(lost):
        cause, times = causes.most_common(1)[0]
        raise UserError(
            f"agent.max_lost={most}: {causes.total()} of the {len(lost)} episodes of a step are lost, {times} of them "
            f"so: {cause}; mend the environment, or raise agent.max_lost"
        )


def credit_metrics(groups: Sequence[Sequence[Mapping[str, Any]]], options: Mapping[str, Any]) -> dict[str, float]:
    """The metrics under ``credit/``, over groups of trajectories.

    ``singleton_share``: of turns, with an observation that no other turn of the group has. ``mixed_share``: of groups,
    with a success and a failure. ``success_weight``, ``failure_weight``: mean w of ProxMO over successes and failures,
    where ``options`` has its ``alpha`` and ``range``.
    """
    alone = turns = 0
    weights: dict[str, list[float]] = {"success": [], "failure": []}
    for group in groups:
        observation_counts = Counter(text for each in group for text in each["observations"])
        turns += observation_counts.total()
        alone += sum(times == 1 for times in observation_counts.values())
        p = float(np.mean([each["success"] for each in group]))
        for each in group if {"alpha", "range"} <= options.keys() else ():
            weight = episode_weight(p, each["success"], alpha=options["alpha"], range=options["range"])
            weights["success" if each["success"] else "failure"].append(weight)
    mixed = [0 < sum(each["success"] for each in group) < len(group) for group in groups]
    figures = {"singleton_share": alone / max(1, turns), "mixed_share": sum(mixed) / max(1, len(mixed))}
    figures |= {f"{outcome}_weight": float(np.mean(each)) for outcome, each in weights.items() if each}
    return {f"credit/{name}": value for name, value in figures.items()}
