"""A process of the run dies: the run ends with an error soon, and does not hang."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgpo.runs.checkpoints import MANIFEST
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from tests.e2e.conftest import processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("victim", ["ray::WorkerDict", "VLLM::EngineCore", "ray::AgentLoopWorker"])
def test_a_killed_worker_ends_the_run_within_a_minute(launch: Callable[..., Any], tmp_path: Path, victim: str) -> None:
    run = tmp_path / "run"
    started = launch(**{"trainer.total_training_steps": 50, "trainer.val_before_train": "false"})
    started.wait_for(lambda: (run / "checkpoints/global_step_1" / MANIFEST).exists())
    next(process for process in processes_of(run) if victim in " ".join(process.cmdline())).kill()
    killed = time.monotonic()
    output, _ = started.process.communicate(timeout=120)
    # 45 s until a weight sync gives up, and what the driver needs to end.
    assert started.process.returncode == 1 and time.monotonic() - killed < 75
    assert "the run failed after" in output and "the same command goes on from step 1" in output


@pytest.mark.parametrize("strategy", ["fsdp", "fsdp2"])
def test_two_ranks_train(launch: Callable[..., Any], tmp_path: Path, strategy: str) -> None:
    settings = {
        "trainer.total_training_steps": 2,
        "trainer.n_gpus_per_node": 2,
        "trainer.val_before_train": "false",
        "actor_rollout_ref.actor.strategy": strategy,
        "actor_rollout_ref.ref.strategy": strategy,
    }
    launch(**settings).finish()
    steps = history(RunFolder(tmp_path / "run"))
    assert sorted(steps) == [1, 2]
    assert all(data["training/rollout_probs_diff_max"] < 1e-4 for data in steps.values())
    shards = {file.name for file in (tmp_path / "run/checkpoints/global_step_2/actor").glob("model_*.pt")}
    assert shards == {"model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt"}
