"""Two runs on one machine, each with a cluster of its own, hand over weights by sockets of their own."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

CLUSTER = """
import ray
from dgpo.weight_sockets import job_name
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
own = ray.remote(job_name)
print(ray.get_runtime_context().get_job_id(), job_name(), ray.get(own.remote()), flush=True)
input()
"""


def test_two_clusters_have_the_same_job_and_other_names_which_a_cluster_s_processes_share() -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", CLUSTER], stdin=-1, stdout=-1, stderr=-3, text=True) for _ in range(2)
    ]
    lines = [run.stdout.readline().split() for run in runs if run.stdout]
    for run in runs:
        run.communicate("\n")
    (job, here, there), (other_job, other_here, other_there) = lines
    assert job == other_job  # else verl's own names would do
    assert here == there != other_here == other_there


@pytest.mark.parametrize(
    ("module", "name"), [("vllm_rollout", "ServerAdapter"), ("vllm_async_server", "vLLMHttpServer")]
)
def test_verl_names_the_sockets_by_the_job_alone_and_both_ends_are_corrected(module: str, name: str) -> None:
    end = import_module(f"verl.workers.rollout.vllm_rollout.{module}")
    source = inspect.getsource(end)
    assert "ray.get_runtime_context().get_job_id()" in source and "gcs_address" not in source
    assert getattr(end, name).__init__.__globals__["__name__"] == "dgpo.weight_sockets"
