"""A process of the run dies: the run ends with an error soon, and does not hang."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from dgpo.runs.checkpoints import MANIFEST
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


def named(part: str, run: Path) -> psutil.Process:
    """The process of this run whose title has ``part`` in it."""
    for process in psutil.process_iter():
        try:
            if part in " ".join(process.cmdline()) and process.environ().get("WANDB_DIR") == str(run):
                return process
        except psutil.Error:
            continue
    raise LookupError(f"no process {part!r} of {run}")


@pytest.mark.parametrize("victim", ["ray::WorkerDict", "VLLM::EngineCore"])
def test_a_killed_worker_ends_the_run_within_a_minute(launch: Callable[..., Any], tmp_path: Path, victim: str) -> None:
    run = tmp_path / "run"
    started = launch(**{"trainer.total_training_steps": 50, "trainer.val_before_train": "false"})
    process = started.process
    while not (run / "checkpoints/global_step_1" / MANIFEST).exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    named(victim, run).kill()
    killed = time.monotonic()
    output, _ = process.communicate(timeout=120)
    # 45 s until a weight sync gives up, and what the driver needs to end.
    assert process.returncode == 1 and time.monotonic() - killed < 75
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
