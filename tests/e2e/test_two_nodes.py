"""FSDP and vLLM over two Ray nodes, one of which dies."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from dgpo.runs.checkpoints import MANIFEST, latest_complete
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

TWO_NODES = {"hardware": "cpu_2nodes", "trainer.val_before_train": "false"}


def kill_node(state: Path, name: str) -> None:
    """SIGKILL every process of a node, as a machine that is switched off would."""
    leader = int((state / name / "process").read_text().split()[0])
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.send_signal(signal.SIGKILL)
        except (psutil.Error, ProcessLookupError):
            continue


def test_a_lost_node_ends_the_run_with_its_name_and_the_run_goes_on_later(
    ray_cluster: Any, launch: Callable[..., Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ray_cluster.start("second")
    started = launch(ray_cluster.environment, **TWO_NODES, **{"trainer.total_training_steps": 50})
    while not (run / "checkpoints/global_step_2" / MANIFEST).exists():
        assert started.process.poll() is None, started.process.communicate()[0]
        time.sleep(0.1)
    shards = {file.name for file in (run / "checkpoints/global_step_2/actor").glob("model_*.pt")}
    assert shards == {"model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt"}

    kill_node(Path(ray_cluster.environment["DGPO_RAY_STATE"]), "second")
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
