"""verl's entry point (group ``verl.plugins``): verl imports this module in every process it runs in.

verl imports the module and calls nothing, and it swallows an exception raised here (it is logged at DEBUG).
So this file does little. The config of each policy loss names its class by ``_target_``, whose module registers the
losses, and raises an error if it cannot.
"""

import os
from typing import Any

import wrapt

from dgpo import weight_sockets

AGENT_LOOPS = {
    "single_turn_agent": "dgpo.rollouts.verl.SingleTurnLoop",
    "environment": "dgpo.agents.verl.EnvironmentLoop",
}
"""By name: verl's default, in whose place ours comes, and the environments'."""


def _wants_cpu_platform() -> bool:
    """Whether verl must run without an accelerator: VERL_PLATFORM says so, or torch is built without one."""
    platform = os.environ.get("VERL_PLATFORM", "").strip().lower()
    if platform:
        return platform == "cpu"
    import torch

    return torch.version.cuda is None and torch.version.hip is None and not hasattr(torch, "npu")


def _name_agent_loops(_: Any) -> None:
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry

    _agent_loop_registry.update({name: {"_target_": loop} for name, loop in AGENT_LOOPS.items()})


def register() -> None:
    """Register the CPU platform with verl, or else set up the CUDA toolkit; name weight sockets by the run, and our
    agent loops once verl has named its own."""
    weight_sockets.install()
    wrapt.when_imported("verl.experimental.agent_loop")(_name_agent_loops)
    if _wants_cpu_platform():
        from dgpo.cpu import platform, vllm_metadata

        platform.register()
        vllm_metadata.install()
    else:
        from dgpo.cuda import use_toolkit

        use_toolkit()


register()
