"""WebShop's adapter, on a stand-in for WebShop, which cannot be installed here."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.agents.environment import Episode, Task
from dgpo.agents.envs import webshop
from dgpo.agents.hosts import Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.data.environments import write_tasks
from dgpo.errors import UserError

SETTINGS = AgentSettings(hosts=2, max_turns=15)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in as a checkout on PYTHONPATH, here and in host processes."""
    folder = str(Path(__file__).parent / "shop")
    monkeypatch.setenv("PYTHONPATH", folder, prepend=os.pathsep)
    monkeypatch.syspath_prepend(folder)
    webshop.server.cache_clear()
    yield webshop
    for name in [name for name in sys.modules if name.startswith("web_agent_site")]:
        del sys.modules[name]


def task(goal: int, **options: Any) -> Task:
    return {"id": webshop.ID, "kwargs": json.dumps({"goal": goal, **options}), "seed": 0}


def say(episode: Episode, *actions: str) -> list[dict[str, Any]]:
    return [episode.step(f"<action>{action}</action>") for action in actions]


def test_tests_goals_are_never_trained_on_and_products_are_loaded_once(shop: Any, tmp_path: Path) -> None:
    train, validation = write_tasks(tmp_path, webshop.ID, tasks=100, validation=50)
    goals = [
        {json.loads(row["extra_info"]["env"]["kwargs"])["goal"] for row in pq.read_table(file).to_pylist()}
        for file in (train, validation)
    ]
    assert goals[0] == set(range(500, 600)) and len(goals[1]) == 50 and max(goals[1]) < 500
    with pytest.raises(UserError, match="WebShop: 100 tasks are there for tasks=101"):
        write_tasks(tmp_path, webshop.ID, tasks=101, validation=1)
    for goal in range(3):
        Episode(task(goal), SETTINGS).reset()
    assert sys.modules["web_agent_site.envs.web_agent_text_env"].Server.loads == 1


def test_rollouts_of_a_goal_choose_for_themselves_and_are_told_apart_by_it(shop: Any) -> None:
    one, other = Episode(task(501), SETTINGS), Episode(task(501), SETTINGS)
    opening, _ = one.reset(), other.reset()
    assert opening["text"].endswith("actions: search[words]") and not opening["success"]
    wrong = say(one, "click[mug]", "buy", "<think>")
    assert [each["valid"] for each in wrong] == [False] * 3 and wrong[-1]["anchor"] == opening["anchor"]
    *_, page, chosen, bar = say(one, "Search[white mug]", "click[mug]", "click[White]", "search[more]")
    assert chosen["valid"] and chosen["text"] == page["text"] and chosen["anchor"].endswith("chosen: colour: white")
    assert page["anchor"].endswith("chosen: nothing") and "click[buy now]" in page["text"] and not bar["valid"]
    (bought,) = say(one, "click[buy now]")
    assert bought["success"] and bought["done"] and bought["reward"] == 1
    *_, missed = say(other, "search[mug]", "click[mug]", "click[buy now]")
    assert missed["done"] and not missed["success"] and missed["reward"] == 0
    scored = Episode(task(501, partial=True), SETTINGS)
    scored.reset()
    assert say(scored, "search[mug]", "click[mug]", "click[buy now]")[-1]["reward"] == 0.5
    for episode in (one, other, scored):
        episode.close()
    assert len(webshop.server("{}").user_sessions) == 1  # that of loading


def test_a_goal_costs_the_same_in_each_process(shop: Any) -> None:
    hosts = Hosts(SETTINGS)

    async def openings() -> list[dict[str, Any]]:
        return await asyncio.gather(*[hosts.episode(task(7)).reset() for _ in range(2)])

    first, second = asyncio.run(openings())
    assert first == second and "mug number 7, below" in first["text"]
    hosts.close()


def test_without_a_checkout_its_place_is_asked_for() -> None:
    webshop.server.cache_clear()
    with pytest.raises(UserError, match=r"no shop can be loaded .*checkout of WebShop on PYTHONPATH"):
        Episode(task(0), SETTINGS)
