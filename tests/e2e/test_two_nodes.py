"""FSDP and vLLM over two Ray nodes, one of which dies."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from dgpo.runs.checkpoints import MANIFEST, latest_complete
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

TWO_NODES = {"hardware": "cpu_2nodes", "trainer.val_before_train": "false"}


def test_a_lost_node_ends_the_run_with_its_name_and_the_run_goes_on_later(
    ray_cluster: Any, launch: Callable[..., Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ray_cluster.start("second")
    started = launch(ray_cluster.environment, **TWO_NODES, **{"trainer.total_training_steps": 50})
    started.wait_for(lambda: (run / "checkpoints/global_step_2" / MANIFEST).exists())
    shards = {file.name for file in (run / "checkpoints/global_step_2/actor").glob("model_*.pt")}
    assert shards == {"model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt"}

    # As a machine that is switched off.
    for process in ray_cluster.processes("second"):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    killed = time.monotonic()
    output, _ = started.process.communicate(timeout=180)
    print(f"ended {time.monotonic() - killed:.0f} s after the node:\n{output}")
    assert time.monotonic() - killed < 60
    assert started.process.returncode == 1
    assert "node second" in output and "of the Ray cluster has died" in output

    # The cluster that is left is too small, which is said and not waited for.
    refused = launch(ray_cluster.environment, **TWO_NODES)
    output, _ = refused.process.communicate(timeout=120)
    assert refused.process.returncode == 2 and "trainer.nnodes=2" in output and "the cluster has 1 (head" in output

    ray_cluster.start("third")
    newest, _ = latest_complete(run / "checkpoints")
    assert newest is not None and newest.step >= 2
    said = launch(ray_cluster.environment, **TWO_NODES, **{"trainer.total_training_steps": newest.step + 1}).finish()
    assert f"going on from {newest.path}" in said
    steps = history(RunFolder(run))
    assert max(steps) == newest.step + 1
    assert all(data["training/rollout_probs_diff_max"] < 1e-4 for data in steps.values() if "actor/grad_norm" in data)
