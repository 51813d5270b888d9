import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from dgpo import cluster
from dgpo.cluster import LossWatch, cluster_address, make_paths_absolute, node_name, settle_cluster, use_token
from dgpo.config.compose import compose_config, resolved


def config(address: str | None, nnodes: int = 1):
    return OmegaConf.create({"ray_kwargs": {"ray_init": {"address": address}}, "trainer": {"nnodes": nnodes}})


def test_the_config_s_address_comes_before_the_shell_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert cluster_address(config(None)) is None and cluster_address(config("local")) is None
    monkeypatch.setenv("RAY_ADDRESS", "")  # as an unset variable leaves it
    assert cluster_address(config(None)) is None and cluster_address(config(None, nnodes=2)) == "auto"
    monkeypatch.setenv("RAY_ADDRESS", "a:1")
    assert cluster_address(config(None)) == "a:1"
    assert cluster_address(config("b:2")) == "b:2" and cluster_address(config("local")) is None


def test_a_run_that_names_no_cluster_starts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """``ray.init`` without an address joins whatever cluster was last started on the machine, or waits for it."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    made = resolved(compose_config("dgpo_7b"))
    settle_cluster(made)
    assert made.ray_kwargs.ray_init.address == "local"
    monkeypatch.setenv("RAY_ADDRESS", "a:1")
    joining = resolved(compose_config("dgpo_7b", ["run.dir=runs/x"]))
    settle_cluster(joining)
    assert joining.ray_kwargs.ray_init.get("address") is None and joining.run.dir == str(Path("runs/x").absolute())


def test_relative_paths_are_those_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    made = OmegaConf.create(
        {
            "run": {"dir": "runs/x"},
            "trainer": {"default_local_dir": "/absolute", "rollout_data_dir": None},
            "data": {"train_files": ["a.parquet", "/b.parquet"], "val_files": "~/c.parquet"},
            "actor_rollout_ref": {"model": {"path": "model"}},
        }
    )
    make_paths_absolute(made)
    assert made.run.dir == str(tmp_path / "runs/x") and made.trainer.default_local_dir == "/absolute"
    assert made.trainer.rollout_data_dir is None
    assert list(made.data.train_files) == [str(tmp_path / "a.parquet"), "/b.parquet"]
    assert made.data.val_files == str(Path.home() / "c.parquet")
    assert made.actor_rollout_ref.model.path == str(tmp_path / "model")
    # A name on a model hub is no path.
    made.actor_rollout_ref.model.path = "Qwen/Qwen2.5-7B"
    make_paths_absolute(made)
    assert made.actor_rollout_ref.model.path == "Qwen/Qwen2.5-7B"


def test_a_token_is_shown_where_there_is_one_and_it_is_not_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set first, so that the tests after this one find what was there before.
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    use_token()
    assert "RAY_AUTH_MODE" not in os.environ
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("0")
    use_token()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    use_token()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_a_node_is_called_by_its_name_and_address() -> None:
    assert node_name({"NodeName": "two", "NodeManagerAddress": "10.0.0.2"}) == "two (10.0.0.2)"
    assert node_name({"NodeName": "10.0.0.2", "NodeManagerAddress": "10.0.0.2"}) == "10.0.0.2"


def test_a_process_that_dies_by_itself_is_lost_and_one_that_the_run_ends_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    class Worker:
        def process(self) -> int:
            return os.getpid()

    monkeypatch.setattr(cluster, "SETTLE_S", 0.5)
    monkeypatch.setattr(cluster, "POLL_S", 0.2)
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        worker: Any = ray.remote(num_cpus=0)(Worker)
        dies, ended, forgotten = (worker.remote() for _ in range(3))
        process: Any = ray.get(dies.process.remote())
        ray.get([ended.process.remote(), forgotten.process.remote()])
        ray.kill(ended)
        del forgotten
        watch = LossWatch()
        with pytest.raises(KeyboardInterrupt), watch:
            time.sleep(3)
            assert watch.lost is None
            os.kill(process, signal.SIGKILL)
            time.sleep(60)
        assert f"Worker (process {process} on " in str(watch.lost) and " has died: " in str(watch.lost)
    finally:
        ray.shutdown()
