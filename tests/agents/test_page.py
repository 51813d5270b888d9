"""The environment and the credit that docs/agents.md shows work."""

import re
from pathlib import Path
from typing import Any

from dgpo.agents.environment import Episode
from dgpo.agents.settings import AgentSettings

PAGE = Path(__file__).resolve().parents[2] / "docs/agents.md"
ENVIRONMENT, CREDIT = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_environment_of_the_page_is_played() -> None:
    exec(ENVIRONMENT, {"__name__": "guess"})
    episode = Episode({"id": "Guess-v0", "kwargs": "{}", "seed": 5}, AgentSettings(max_turns=10))
    assert "0 to 99" in episode.reset()["text"]
    low, high, found = 0, 99, False
    while not found:
        middle = (low + high) // 2
        heard = episode.step(f"halves: <action>{middle}</action>")
        found = heard["success"]
        low, high = (middle + 1, high) if heard["text"] == "higher" else (low, middle - 1)
    assert heard["done"] and heard["reward"] == 1


def test_the_credit_of_the_page_gives_each_turn_its_advantage() -> None:
    names: dict[str, Any] = {}
    exec(CREDIT, names)
    trajectories = [{"rewards": rewards, "observations": ["a", "b"], "success": 1.0} for rewards in ([0, 1], [0, 3])]
    assert names["centred"](trajectories, gamma=0.5) == [[0.5 - 1.5, 1 - 1.5], [1.5 - 1.5, 3 - 1.5]]
