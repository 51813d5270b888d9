"""verl's entry point (group ``verl.plugins``): verl imports this module in every process it runs in.

verl imports the module and calls nothing, and it swallows an exception raised here (it is logged at DEBUG).
So this file does little and heavy work happens elsewhere: each policy-loss config names its class by
``_target_``, which registers the losses a second time and fails loudly if it cannot.
"""

import os


def _wants_cpu_platform() -> bool:
    """True where verl must run without an accelerator: asked for by name, or torch is built without one."""
    platform = os.environ.get("VERL_PLATFORM", "").strip().lower()
    if platform:
        return platform == "cpu"
    import torch

    return torch.version.cuda is None and torch.version.hip is None and not hasattr(torch, "npu")


def register() -> None:
    """Make the CPU platform known to verl where it is wanted, and the CUDA toolkit otherwise. Safe to repeat."""
    if _wants_cpu_platform():
        from dgpo.cpu import platform, vllm_metadata

        platform.register()
        vllm_metadata.install()
    else:
        from dgpo.cuda import use_toolkit

        use_toolkit()


register()
