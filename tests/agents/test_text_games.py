"""A game of TextWorld made here, played by its own walkthrough in a host process; without textworld left out."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dgpo.agents.hosts import Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.data.environments import write_tasks

pytestmark = pytest.mark.slow


def test_a_game_is_played_to_its_end_by_its_walkthrough(tmp_path: Path) -> None:
    pytest.importorskip("textworld")
    maker = shutil.which("tw-make", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert maker
    for seed in ("1", "2"):
        game = tmp_path / f"games/{seed}.z8"
        made = ["tw-simple", "--rewards", "dense", "--goal", "detailed", "--seed", seed, "--output", str(game)]
        subprocess.run([sys.executable, maker, *made], check=True)
    train, _ = write_tasks(tmp_path, "TextWorld-v0", games=tmp_path / "games", tasks=1, validation=1)
    (row,) = pq.read_table(train).to_pylist()
    task = row["extra_info"]["env"]
    game = Path(json.loads(task["kwargs"])["game"])
    way = json.loads(game.with_suffix(".json").read_text())["metadata"]["walkthrough"]
    hosts = Hosts(AgentSettings(hosts=1, max_turns=30))

    async def play() -> None:
        episode = hosts.episode(task)
        opening = await episode.reset()
        assert "actions: " in opening["text"] and not opening["success"]
        nonsense = await episode.step("<action>sing</action>")
        assert not nonsense["valid"] and nonsense["reward"] == pytest.approx(-0.1)
        heard = [await episode.step(f"<action>{command}</action>") for command in way]
        assert all(each["valid"] for each in heard) and sum(each["reward"] for each in heard) == pytest.approx(1)
        assert heard[-1]["success"] and heard[-1]["done"] and not any(each["done"] for each in heard[:-1])

    asyncio.run(play())
    hosts.close()
