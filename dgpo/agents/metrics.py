"""What the episodes of a batch say, as figures: the metrics under ``agent/``."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any


def agent_metrics(episodes: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, float]:
    """Metrics of episodes, each with its data source and the ``extra_fields`` of `agents.verl.EnvironmentLoop`.

    ``success`` and ``success/SOURCE``: share of successful episodes. ``turns``, ``return``: mean number of turns, and
    sum of rewards, of an episode. ``invalid_share``: of turns, without a valid action. These leave lost episodes out.
    ``lost_share``: of episodes. ``environment_seconds``: of an episode, waiting for its process included.
    """
    successes, figures = defaultdict[str, list[float]](list), []
    for source, fields in episodes:
        if not fields["lost"]:
            info = fields["reward_extra_info"]
            successes[source].append(info["acc"])
            figures.append((info["acc"], info["turns"], info["score"], info["invalid"]))
    if not episodes:
        return {}
    seconds = sum(fields["environment_seconds"] for _, fields in episodes) / len(episodes)
    metrics = {"lost_share": 1 - len(figures) / len(episodes), "environment_seconds": seconds}
    if figures:
        success, turns, total, invalid = (sum(column) / len(figures) for column in zip(*figures, strict=True))
        metrics |= {"success": success, "turns": turns, "return": total, "invalid_share": invalid / max(turns, 1e-9)}
        metrics |= {f"success/{source}": sum(each) / len(each) for source, each in successes.items()}
    return {f"agent/{name}": value for name, value in metrics.items()}
