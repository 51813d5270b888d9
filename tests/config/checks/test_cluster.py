"""`dgpo check` against a live Ray cluster whose nodes are not alike: each difference with node, key and remedy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dgpo.cluster import fingerprint
from dgpo.config.checks.cluster import cluster
from dgpo.config.compose import compose_config, resolved

pytestmark = pytest.mark.timeout(300)


def check(cluster: Any, files: Path, *more: str) -> tuple[int, str]:
    """Exit status and output of ``dgpo check`` for the quick start on two nodes."""
    overrides = [
        "hardware=cpu_2nodes",
        f"data.train_files={files}/data/train.parquet",
        f"data.val_files={files}/data/validation.parquet",
        f"actor_rollout_ref.model.path={files}/model",
        f"run.dir={files}/run",
        *more,
    ]
    command = [sys.executable, "-m", "dgpo.cli", "check", "--config-name", "quickstart", *overrides]
    done = subprocess.run(command, env=dict(cluster.environment), capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_nodes_that_are_alike_pass_and_too_few_are_counted(ray_cluster: Any, files: Path) -> None:
    ray_cluster.start("second")
    assert check(ray_cluster, files) == (0, "quickstart: ready, 0 errors, 0 warnings\n")
    status, said = check(ray_cluster, files, "trainer.nnodes=3")
    assert status == 2 and "trainer.nnodes=3: the run needs 3 GPUs" in said and "the cluster has 2 (" in said
    assert "head (" in said and "second (" in said
    ray_cluster.script("stop", "--name", "second")


@pytest.mark.slow
def test_a_node_with_other_packages_and_without_the_model_is_refused(
    ray_cluster: Any, files: Path, tmp_path: Path
) -> None:
    # A node on this machine sees other files in a mount namespace of its own, and other packages by its PYTHONPATH.
    apart = ("unshare", "--mount", "--map-root-user")
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no mount namespaces")
    package = tmp_path / "packages/flash_attn-2.8.3.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: flash-attn\nVersion: 2.8.3\n")
    (tmp_path / "empty").mkdir()
    hide = f'mount --bind {tmp_path}/empty {files}/model && exec "$@"'
    prefix = (*apart, "bash", "-c", hide, "bash")
    ray_cluster.start("odd", prefix=prefix, PYTHONPATH=str(package.parent))
    status, said = check(ray_cluster, files)
    assert status == 2
    assert "node odd (" in said and "has flash-attn 2.8.3, this machine not installed" in said
    assert f"actor_rollout_ref.model.path={files}/model: node odd (" in said
    assert "its files differ from this machine's" in said and "3 errors" not in said
    ray_cluster.script("stop", "--name", "odd")


def test_a_cluster_that_is_not_there_is_refused_soon(files: Path, ray_cluster: Any) -> None:
    nowhere = "ray_kwargs.ray_init.address=127.0.0.1:1"
    status, said = check(ray_cluster, files, nowhere)
    assert status == 2 and f"{nowhere}: cannot connect" in said and "scripts/ray_cluster.sh" in said


def test_a_cluster_of_its_own_is_not_asked_and_a_running_one_takes_no_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def problems(*overrides: str) -> list[str]:
        return [str(problem) for problem in cluster(resolved(compose_config("quickstart", list(overrides))))]

    assert problems() == []
    (two,) = problems("trainer.nnodes=2")
    assert "ray_kwargs.ray_init.address=local" in two and "has one node" in two
    (sized,) = problems("hardware=cpu_2nodes", "ray_kwargs.ray_init.num_gpus=2")
    assert "ray_kwargs.ray_init.num_gpus=2: Ray refuses it" in sized


def test_a_fingerprint_is_names_and_sizes(tmp_path: Path) -> None:
    assert fingerprint(str(tmp_path / "none")) is None
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_text("four")
    assert fingerprint(str(tmp_path)) == {"a/b": 4} and fingerprint(str(tmp_path / "a/b")) == {"": 4}
