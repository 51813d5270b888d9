"""ALFWorld's games: which of them are tasks; and, where alfworld is installed, one of our own in a host process."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.agents.envs import alfworld
from dgpo.agents.hosts import Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.data.environments import write_tasks
from dgpo.errors import UserError
from tests.agents.household import HEAT, PICK, WAY, games, write_game

SETTINGS = AgentSettings(layout="turn", history=2, max_turns=50, hosts=1, think_tag="think")


def rows(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file).to_pylist()


def test_a_game_is_a_task_of_its_kind_unless_alfworld_leaves_it_out(tmp_path: Path) -> None:
    assert alfworld.kind(write_game(tmp_path / "heat/trial_1", HEAT)) == HEAT
    assert alfworld.kind(write_game(tmp_path / "heat/trial_2", HEAT, solvable=False)) is None
    assert alfworld.kind(write_game(tmp_path / "pick-movable/trial_3", PICK)) is None
    alone = write_game(tmp_path / "heat/trial_4", HEAT)
    alone.with_name("traj_data.json").unlink()
    assert alfworld.kind(alone) is None
    alone.with_name("traj_data.json").write_text("[]")
    with pytest.raises(UserError, match=r"trial_4/game.tw-pddl: no game of ALFWorld"):
        alfworld.kind(alone)


def test_without_games_or_the_package_the_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"games=.*json_2.1.1: 0 tasks .* validation=1; .*alfworld-download"):
        write_tasks(tmp_path / "out", "ALFWorld-v0", tasks=1, validation=1)
    for number in range(2):
        write_game(tmp_path / f"json_2.1.1/heat/trial_{number}", HEAT)
    monkeypatch.setitem(sys.modules, "textworld", None)
    with pytest.raises(UserError, match=r"no player of the games can be loaded .*pip install alfworld"):
        write_tasks(tmp_path / "out", "ALFWorld-v0", tasks=1, validation=1)


def test_a_game_is_played_to_its_end_by_its_walkthrough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))  # the package makes it
    train, validation = write_tasks(tmp_path, "ALFWorld-v0", games=games(tmp_path / "games"), tasks=1, validation=1)
    [row], [held] = rows(train), rows(validation)
    assert (row["data_source"], held["data_source"]) == (f"ALFWorld-v0.{HEAT}", f"ALFWorld-v0.{PICK}")
    assert "<think>" in row["prompt"][0]["content"]
    with pytest.raises(UserError, match=r"games=.*: 1 tasks are there for tasks=2"):
        write_tasks(tmp_path, "ALFWorld-v0", games=tmp_path / "games", tasks=2, validation=1)
    hosts = Hosts(SETTINGS)

    async def play(*answers: str) -> list[dict[str, Any]]:
        episode = hosts.episode(row["extra_info"]["env"])
        return [await episode.reset(), *[await episode.step(answer) for answer in answers]]

    async def both() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        said = [f"<think>Next.</think><action>{command}</action>" for command in WAY]
        # Beside each other in one process.
        return await asyncio.gather(play("<think>?</think><action>sing</action>", *said), play("<action>look</action>"))

    (opening, nonsense, *heard), (_, thoughtless) = asyncio.run(both())
    assert "Your task is to: put a hot apple in diningtable" in opening["text"]
    assert "go to fridge 1" in opening["text"].partition("actions: ")[2] and "help" not in opening["text"]
    assert not nonsense["valid"] and nonsense["reward"] == pytest.approx(-0.1)
    assert "Nothing happens." in nonsense["text"] and nonsense["anchor"] == opening["anchor"]
    assert all(each["valid"] for each in heard) and [each["reward"] for each in heard] == [0] * 6 + [1]
    assert [each["success"] for each in heard] == [each["done"] for each in heard] == [False] * 6 + [True]
    carried = [each["anchor"].rpartition("\n")[2].removeprefix("carried: ") for each in heard]
    assert carried == [*["nothing"] * 2, *["apple 1"] * 2, *["hot apple 1"] * 2, "nothing"]
    # The opening, which tells the task, and the last two turns without their thoughts.
    assert heard[4]["text"].startswith(opening["text"].partition("\nactions: ")[0])
    assert "> take apple 1" not in heard[4]["text"] and "> go to microwave 1\n" in heard[4]["text"]
    assert "Next." not in heard[4]["text"]
    # An answer without a thought is acted on, and costs the penalty.
    assert "You are in the middle of a room" in thoughtless["anchor"] and not thoughtless["valid"]
    hosts.close()
