"""scripts/slurm.sbatch with real Ray nodes, and stand-ins for the two SLURM commands that it calls."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parent.parent.parent

SCONTROL = """#!/usr/bin/env bash
case "$1 $2" in "show hostnames") printf 'one\\ntwo\\n' ;; *) echo "$*" >>"$CALLS" ;; esac
"""
# Runs the command once for each node that the options leave, tells it the node's name as slurmd does, and passes a
# signal on.
SRUN = """#!/usr/bin/env bash
nodes=(one two)
while [[ $1 == --* ]]; do
    case $1 in --nodelist=*) nodes=("${1#*=}") ;; --exclude=one) nodes=(two) ;; esac
    shift
done
for node in "${nodes[@]}"; do SLURMD_NODENAME=$node "$@" & done
trap 'kill $(jobs -p)' TERM
wait
wait
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for name, text in {"srun": SRUN, "scontrol": SCONTROL}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "SLURM"))},
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "SLURM_JOB_NODELIST": "[one-two]",
        "SLURM_JOB_ID": "7",
        "SLURM_SUBMIT_DIR": str(ROOT),
        "NODE_LIMIT": "120",
        "RAY_PORT": str(free_port()),
        "RAY_NODE_OPTIONS": "--num-gpus=1 --num-cpus=8 --object-store-memory=500000000",
        "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"),
        "DGPO_RAY_STATE": str(tmp_path / "state"),
    }


def job(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = ["bash", "scripts/slurm.sbatch", "--config-name", "quickstart", "hardware=cpu_2nodes", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_the_job_trains_on_both_nodes_hands_on_the_status_and_ends_them(
    environment: dict[str, str], tmp_path: Path
) -> None:
    # A config that is refused once the cluster was asked: what the cluster had is in the message.
    running = job(environment, f"run.dir={tmp_path}/run", "trainer.n_gpus_per_node=2")
    said, _ = running.communicate()
    assert running.returncode == 2, said
    assert "node one runs" in said and "node two runs" in said and "2 nodes" in said
    assert "the run needs 4 GPUs" in said and "one (" in said and "two (" in said
    # Nothing is left, and a failed config is not tried again.
    assert not list((tmp_path / "state").iterdir()) and not (tmp_path / "calls").exists()


def test_the_time_limit_s_signal_requeues_the_job(environment: dict[str, str], tmp_path: Path) -> None:
    running = job(environment, f"run.dir={tmp_path}/run")
    output = ""
    assert running.stdout is not None
    for line in running.stdout:
        output += line
        if line == "2 nodes\n":
            break
    # The next line of the script starts the training, which first imports for seconds.
    time.sleep(1)
    running.send_signal(signal.SIGUSR1)
    rest, _ = running.communicate()
    assert running.returncode == 143, output + rest
    assert (tmp_path / "calls").read_text() == "requeue 7\n" and not list((tmp_path / "state").iterdir())
