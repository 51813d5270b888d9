"""scripts/ray_cluster.sh with real nodes, all on this machine: who may connect, what is shown, what a stop ends."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import processes_where

pytestmark = pytest.mark.timeout(300)

CONNECT = "import ray; ray.init(address='auto', log_to_driver=False); print('nodes', len(ray.nodes()))"


def connect(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A driver that joins the cluster, in a process of its own."""
    return subprocess.run([sys.executable, "-c", CONNECT], env=environment, capture_output=True, text=True)


def script(*arguments: str, flags: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """scripts/ray_cluster.sh, by bash with ``flags``."""
    command = ["bash", *flags, "scripts/ray_cluster.sh", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)


@pytest.mark.slow
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

    head, second = ray_cluster.processes("head"), ray_cluster.processes("second")
    assert len(head) > 3 and len(second) > 3
    ray_cluster.script("stop", "--name", "second")
    assert processes_where(second.__contains__) == [] and ray_cluster.processes("head") == head
    assert "second" not in ray_cluster.script("status")


def test_a_token_that_others_can_read_or_that_is_missing_is_refused(ray_cluster: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o644)
    for path, says in {token: "chmod 600", tmp_path / "none": "scp -p HEAD"}.items():
        environment = {**ray_cluster.environment, "RAY_AUTH_TOKEN_PATH": str(path)}
        done = script("worker", ray_cluster.address, "--name", "third", **environment)
        assert done.returncode == 2 and says in done.stderr and str(path) in done.stderr


def remember(state: Path, name: str, process: str) -> None:
    """What the script would have written of a node."""
    (state / name).mkdir(parents=True)
    (state / name / "process").write_text(process + "\n")


def test_a_process_that_has_a_node_s_old_number_is_left_alone(tmp_path: Path) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as other:
        try:
            start = Path(f"/proc/{other.pid}/stat").read_text().rpartition(") ")[2].split()[19]
            remember(tmp_path, "before-a-reboot", f"{other.pid} {start} another-boot")
            remember(tmp_path, "number-given-again", f"{other.pid} {int(start) - 1} {boot}")
            assert script("stop", DGPO_RAY_STATE=str(tmp_path)).returncode == 0
            assert other.poll() is None and not list(tmp_path.iterdir())
            # The same process, remembered rightly, is ended.
            remember(tmp_path, "here", f"{other.pid} {start} {boot}")
            assert script("stop", DGPO_RAY_STATE=str(tmp_path)).stdout == "node here ended\n"
            assert other.wait(10) == -signal.SIGTERM
        finally:
            other.kill()


def test_what_a_node_s_first_process_left_behind_is_ended(tmp_path: Path) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    leader = subprocess.Popen(["bash", "-c", "sleep 300 & echo $!"], start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    left = psutil.Process(int(leader.stdout.readline()))
    leader.wait()
    remember(tmp_path, "killed", f"{leader.pid} 1 {boot}")
    assert left.is_running() and script("stop", DGPO_RAY_STATE=str(tmp_path)).returncode == 0
    assert processes_where(lambda process: os.getsid(process.pid) == leader.pid) == []


@pytest.mark.parametrize("arguments", [["stop", "one"], ["stop", "--name="], ["status", "one"], ["stop", "--block"]])
def test_a_word_that_stop_and_status_do_not_know_is_refused(arguments: list[str], tmp_path: Path) -> None:
    remember(tmp_path, "one", "0 0 another-boot")
    done = script(*arguments, DGPO_RAY_STATE=str(tmp_path))
    assert done.returncode == 2 and f"{arguments[1]}: {arguments[0]} takes --name NAME alone" in done.stderr
    assert (tmp_path / "one").exists()


def test_status_of_one_node_tells_of_no_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        remember(tmp_path, name, "0 0 another-boot")
    said = script("status", "--name", "one", DGPO_RAY_STATE=str(tmp_path)).stdout
    assert "node one has ended" in said and "two" not in said
    assert "no node three was started" in script("status", "--name=three", DGPO_RAY_STATE=str(tmp_path)).stdout


def test_a_state_that_is_another_s_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("mine")
    done = script("status", DGPO_RAY_STATE=str(tmp_path / "link"))
    assert done.returncode == 2 and "link is not a folder of yours" in done.stderr
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(tmp_path / "mine", 65534, -1)
    assert script("status", DGPO_RAY_STATE=str(tmp_path / "mine")).returncode == 2


def test_the_state_outlives_the_session_that_began_it(tmp_path: Path) -> None:
    traced = script("--help", flags=("-x",), XDG_RUNTIME_DIR=str(tmp_path), DGPO_RAY_STATE="")
    assert f"state=/var/tmp/dgpo-ray-{os.getuid()}\n" in traced.stderr


def test_waiting_in_vain_tells_what_ray_said(ray_cluster: Any, tmp_path: Path) -> None:
    others = tmp_path / "token"
    others.write_text("0" * 64)
    others.chmod(0o600)
    environment = {**ray_cluster.environment, "RAY_AUTH_TOKEN_PATH": str(others)}
    done = script("wait", ray_cluster.address, "2", "0", **environment)
    assert done.returncode == 2
    assert "0 of 2 nodes have joined within 0 s" in done.stderr and "InvalidAuthToken" in done.stderr


def test_a_search_path_of_cd_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    environment = {"CDPATH": str(tmp_path), "DGPO_RAY_STATE": str(tmp_path / "state")}
    done = script("status", **environment)
    assert (done.returncode, done.stdout) == (0, "no node that was started on this host runs\n"), done.stderr
    assert f"root={Path.cwd()}\n" in script("--help", flags=("-x",), **environment).stderr


def test_a_wrong_command_shows_the_usage() -> None:
    for arguments, says in (
        ([], "head [OPTION"),
        (["worker", "nowhere"], "HOST:PORT"),
        (["wait", "a:1"], "number of nodes"),
    ):
        done = script(*arguments)
        assert done.returncode == 2 and says in done.stderr
    help_text = script("--help")
    assert help_text.returncode == 0 and "stop" in help_text.stdout and "set -euo" not in help_text.stdout
