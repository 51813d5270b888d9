"""Agents on the real trainer: FrozenLake, an environment of one's own, and some that fail, in one batch."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgpo.agents.environment import Task
from dgpo.data.environments import task_row, write_tasks
from dgpo.data.schema import write_parquet
from dgpo.runs.checkpoints import MANIFEST
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.tasks import small_model
from tests.agents.household import games
from tests.e2e.conftest import launching

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
# Answers that no other one resembles, so that an untrained model succeeds now and then.
COIN = """
import time, zlib, gymnasium

class Coin(gymnasium.Env):
    def __init__(self, fault=""):
        self.fault = fault

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.toss = 0
        return f"toss {seed}", {}

    def step(self, action):
        self.toss += 1
        if self.fault == "raises":
            raise RuntimeError("no coin")
        if self.fault == "hangs":
            time.sleep(1000)
        if self.fault == "garbage":
            return None
        heads = zlib.crc32(action.encode()) % 2 == 0
        return f"toss {self.toss}", float(heads), self.toss == 3, False, {"success": heads}

gymnasium.register("Coin-v0", Coin)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight tasks, which are a batch: two lakes, three coins, and three coins that fail."""
    folder = tmp_path_factory.mktemp("agents")
    lake, validation = write_tasks(folder / "lake", "FrozenLake-v1", tasks=2, validation=2)
    (folder / "coin.py").write_text(COIN)
    faults = ["", "", "", "raises", "hangs", "garbage"]
    coins = [
        task_row(Task(id="coin:Coin-v0", kwargs=f'{{"fault": "{fault}"}}', seed=i), kind=fault, prompt="Toss.", index=i)
        for i, fault in enumerate(faults)
    ]
    coin = write_parquet(coins, folder / "coin.parquet")
    (folder / "data").mkdir()
    pq.write_table(pa.concat_tables([pq.read_table(lake), pq.read_table(coin)]), folder / "data/train.parquet")
    validation.rename(folder / "data/validation.parquet")
    small_model.create(folder / "model", seed=0, hidden_size=32, layers=1)
    return folder


@pytest.fixture
def launch(workspace: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    path = os.pathsep.join([str(workspace), *filter(None, [os.environ.get("PYTHONPATH")])])
    with launching(workspace) as start:
        yield partial(start, tmp_path / "run", {**os.environ, "PYTHONPATH": path}, config="agents")


SETTINGS = {
    "data.train_batch_size": 8,
    "actor_rollout_ref.rollout.n": 4,
    "agent.deadline": 5,
    "agent.max_lost": 0.6,
    "trainer.total_training_steps": 1,
    "trainer.logger": "[file]",
}


def test_a_batch_of_environments_some_of_which_fail_is_trained_on(launch: Callable[..., Any], tmp_path: Path) -> None:
    launch(**SETTINGS).finish()
    steps = history(RunFolder(tmp_path / "run"))
    metrics = steps[1]
    # What vLLM sampled is what the trainer sees: the tokens of all turns are exact.
    assert metrics["training/rollout_probs_diff_max"] < 1e-4
    assert 3 / 8 <= metrics["agent/lost_share"] < 5 / 8
    assert 0 < metrics["agent/success/Coin-v0"] < 1
    assert metrics["agent/turns"] > 3 and metrics["agent/invalid_share"] > 0
    assert 0 < metrics["credit/mixed_share"] <= 1 < metrics["credit/success_weight"]
    assert metrics["actor/grad_norm"] > 0
    lake = [key for key in steps[0] if key.startswith("val-core/FrozenLake-v1.") and "/acc/" in key]
    assert lake and any(key.endswith("/turns/mean@1") for key in steps[0])


@pytest.mark.slow
def test_a_killed_run_goes_on_with_a_row_for_each_turn(launch: Callable[..., Any], tmp_path: Path) -> None:
    settings = {**SETTINGS, "agent.layout": "turn", "trainer.total_training_steps": 3, "advantage": "gigpo"}
    run = tmp_path / "run"
    launch(**settings).kill_when(lambda: (run / "checkpoints/global_step_1" / MANIFEST).exists())
    launch(**settings).finish()
    steps = history(RunFolder(run))
    assert [step for step in steps if step] == [1, 2, 3]
    assert all(steps[step]["training/rollout_probs_diff_max"] < 1e-4 for step in (1, 2, 3))
    assert all(steps[step]["agent/turns"] > 3 for step in (1, 2, 3))


@pytest.mark.slow
def test_too_many_lost_episodes_end_the_run_by_the_name_of_the_environment(launch: Callable[..., Any]) -> None:
    output, _ = (started := launch(**{**SETTINGS, "agent.max_lost": 0.1}).process).communicate()
    assert started.returncode == 1
    assert "agent.max_lost=0.1" in output and "environment coin:Coin-v0" in output


@pytest.mark.slow
def test_a_game_of_alfworld_is_played_by_the_real_loop(
    launch: Callable[..., Any], workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    train, validation = write_tasks(
        tmp_path, "ALFWorld-v0", games=games(tmp_path / "games"), tasks=1, validation=1, prompt="Act."
    )
    # What is shown takes more characters than the small model's longest text.
    small_model.create(tmp_path / "model", seed=0, hidden_size=32, layers=1)
    for name, key in (("config.json", "max_position_embeddings"), ("tokenizer_config.json", "model_max_length")):
        file = tmp_path / "model" / name
        file.write_text(json.dumps({**json.loads(file.read_text()), key: 2048}))
    files = {
        "data.train_files": train,
        "data.val_files": validation,
        "actor_rollout_ref.model.path": tmp_path / "model",
    }
    lengths = {"data.max_prompt_length": 1792, "data.max_response_length": 64}
    settings = {"agent": "alfworld", "agent.max_turns": 3, "agent.max_action_tokens": 64, "agent.think_tag": "null"}
    updates = {"data.train_batch_size": 1, "actor_rollout_ref.actor.ppo_mini_batch_size": 1}
    lengths |= {"actor_rollout_ref.rollout.max_model_len": 2048}
    launch(**{**SETTINGS, **files, **lengths, **settings, **updates}).finish()
    first, metrics = (history(RunFolder(tmp_path / "run"))[step] for step in (0, 1))
    assert metrics["agent/lost_share"] == 0 and metrics["agent/turns"] == 3 and metrics["agent/invalid_share"] == 1
    assert metrics["agent/success/ALFWorld-v0.pick_heat_then_place_in_recep"] == 0
    # Nothing ever happened: all turns of the group are in one state.
    assert metrics["credit/singleton_share"] == 0
    assert first["val-aux/ALFWorld-v0.pick_and_place_simple/turns/mean@1"] == 3
