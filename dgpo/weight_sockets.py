"""Weights reach the vLLM of their own run, also where several runs share a machine.

verl hands them over through a socket in /tmp. Its name holds Ray's job id, to tell runs apart (`vllm_rollout.py` at the
trainer's end, `vllm_async_server.py` at vLLM's). But the first job of every cluster is 01000000, and a run commonly
starts a cluster of its own: of two on one machine, each would take the other's weights when their syncs coincide, and
nobody would notice. So the names here hold the address of the cluster too.
"""

import functools
import os
from types import ModuleType
from typing import Any

import wrapt


def job_name() -> str:
    """Ray's job and the address of its cluster, which no other cluster on this machine has meanwhile."""
    import ray

    context = ray.get_runtime_context()
    return f"{context.get_job_id()}-{context.gcs_address.replace(':', '-')}"


def install() -> None:
    """Have verl name the sockets by `job_name`, once it imports the modules that do."""
    folder = "verl.workers.rollout.vllm_rollout"
    wrapt.when_imported(f"{folder}.vllm_rollout")(rename_at_trainer)
    wrapt.when_imported(f"{folder}.vllm_async_server")(rename_at_engine)


def rename_at_trainer(module: ModuleType) -> None:
    """Correct the address that a rank sends to."""
    original = module.ServerAdapter.__init__

    @functools.wraps(original)
    def with_own_address(self: Any, *args: Any, **kwargs: Any) -> None:
        import ray

        original(self, *args, **kwargs)
        if (name := job_name()) not in self.zmq_handle:
            self.zmq_handle = self.zmq_handle.replace(ray.get_runtime_context().get_job_id(), name, 1)

    module.ServerAdapter.__init__ = with_own_address


def rename_at_engine(module: ModuleType) -> None:
    """Correct the part of the address that the processes of vLLM get through their environment."""
    original = module.vLLMHttpServer.__init__

    @functools.wraps(original)
    def with_own_address(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        os.environ["VERL_RAY_JOB_ID"] = job_name()

    module.vLLMHttpServer.__init__ = with_own_address
