"""scripts/ray_cluster.sh with real nodes, all on this machine: who may connect, what is shown, what a stop ends."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.timeout(300)

CONNECT = "import ray; ray.init(address='auto', log_to_driver=False); print('nodes', len(ray.nodes()))"


def connect(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A driver that joins the cluster, in a process of its own."""
    return subprocess.run([sys.executable, "-c", CONNECT], env=environment, capture_output=True, text=True)


def session(leader: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def leader(cluster: Any, name: str) -> int:
    return int((Path(cluster.environment["DGPO_RAY_STATE"]) / name / "process").read_text().split()[0])


def test_a_cluster_from_its_head_to_its_end(ray_cluster: Any) -> None:
    token = Path(ray_cluster.environment["RAY_AUTH_TOKEN_PATH"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(token.read_text()) == 64

    said = ray_cluster.start("second")
    assert "node second runs" in said and token.read_text() not in said
    assert "node second runs already" in ray_cluster.start("second")
    # Ray's status is some seconds old, which the wait is for.
    assert ray_cluster.script("wait", ray_cluster.address, "2", "30") == "2 nodes\n"
    shown = ray_cluster.script("status")
    assert "node head runs here" in shown and "node second runs here" in shown
    assert shown.count(" 1 node_") == 2 and "2.0 GPU" in shown

    # The head listens on every interface, so the token is what keeps others out; the dashboard on the loopback only.
    assert "nodes 2" in connect(dict(ray_cluster.environment)).stdout
    others = token.with_name("others")
    others.write_text("0" * 64)
    refused = connect({**ray_cluster.environment, "RAY_AUTH_TOKEN_PATH": str(others)})
    assert refused.returncode != 0 and "InvalidAuthToken" in refused.stderr

    head, second = leader(ray_cluster, "head"), leader(ray_cluster, "second")
    before = session(head)
    assert len(before) > 3 and len(session(second)) > 3
    ray_cluster.script("stop", "--name", "second")
    assert session(second) == [] and session(head) == before
    assert "second" not in ray_cluster.script("status")


def test_a_token_that_others_can_read_or_that_is_missing_is_refused(ray_cluster: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o644)
    for path, says in {token: "chmod 600", tmp_path / "none": "scp -p HEAD"}.items():
        environment = {**ray_cluster.environment, "RAY_AUTH_TOKEN_PATH": str(path)}
        command = ["bash", "scripts/ray_cluster.sh", "worker", ray_cluster.address, "--name", "third"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 2 and says in done.stderr and str(path) in done.stderr


def test_a_wrong_command_shows_the_usage() -> None:
    for arguments, says in (
        ([], "head [OPTION"),
        (["worker", "nowhere"], "HOST:PORT"),
        (["wait", "a:1"], "number of nodes"),
    ):
        done = subprocess.run(["bash", "scripts/ray_cluster.sh", *arguments], capture_output=True, text=True)
        assert done.returncode == 2 and says in done.stderr
    help_text = subprocess.run(["bash", "scripts/ray_cluster.sh", "--help"], capture_output=True, text=True)
    assert help_text.returncode == 0 and "stop" in help_text.stdout and "set -euo" not in help_text.stdout
