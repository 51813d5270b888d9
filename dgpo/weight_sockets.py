"""Weights reach the vLLM of their own run, also where several runs share a machine.

verl hands them over through a socket in /tmp. Its name holds Ray's job id, to tell runs apart (`vllm_rollout.py` at the
trainer's end, `vllm_async_server.py` at vLLM's). But the first job of every cluster is 01000000, and a run commonly
starts a cluster of its own: of two on one machine, each would take the other's weights when their syncs coincide, and
nobody would notice. So the names here hold the address of the cluster too.
"""

import functools
import os
from collections.abc import Callable
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
    wrapt.when_imported(f"{folder}.vllm_rollout")(lambda module: after_init(module.ServerAdapter, rename_at_trainer))
    wrapt.when_imported(f"{folder}.vllm_async_server")(
        lambda module: after_init(module.vLLMHttpServer, rename_at_engine)
    )


def after_init(kind: type[Any], correct: Callable[[Any], None]) -> None:
    """Have each new object of a class corrected."""
    original = kind.__init__

    @functools.wraps(original)
    def corrected(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        correct(self)

    kind.__init__ = corrected


def rename_at_trainer(adapter: Any) -> None:
    """Correct the address that a rank sends to."""
    if (name := job_name()) not in adapter.zmq_handle:
        adapter.zmq_handle = adapter.zmq_handle.replace(name.partition("-")[0], name, 1)


def rename_at_engine(_: Any) -> None:
    """Correct the part of the address that the processes of vLLM get through their environment."""
    os.environ["VERL_RAY_JOB_ID"] = job_name()
