"""The environment that docs/agents.md shows is one."""

import re
from pathlib import Path

from dgpo.agents.environment import Episode
from dgpo.agents.settings import AgentSettings

PAGE = Path(__file__).resolve().parents[2] / "docs/agents.md"


def test_the_environment_of_the_page_is_played() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(code, {"__name__": "guess"})
    episode = Episode({"id": "Guess-v0", "kwargs": "{}", "seed": 5}, AgentSettings(max_turns=10))
    assert "0 to 99" in episode.reset()["text"]
    low, high, found = 0, 99, False
    while not found:
        middle = (low + high) // 2
        heard = episode.step(f"halves: <action>{middle}</action>")
        found = heard["success"]
        low, high = (middle + 1, high) if heard["text"] == "higher" else (low, middle - 1)
    assert heard["done"] and heard["reward"] == 1
