"""CPU memory that offloading takes on a node, and how much of it there is."""

import os
from pathlib import Path

from dgpo.config.memory.lora import adapter_tensors
from dgpo.config.memory.phases import engine_weights
from dgpo.config.memory.setup import Setup


def block(size: int) -> int:
    """Bytes of page-locked memory behind ``size`` of them: torch rounds a block up to a power of two
    (ATen/core/CachingHostAllocator.h), and keeps it."""
    return 1 << (size - 1).bit_length()


def host_bytes(setup: Setup) -> int:
    """Bytes of CPU memory a node needs for what is offloaded to it.

    verl copies each rank's piece of each parameter into a page-locked block of its own: m bytes a parameter of weights
    and two fp32 moments, outside of the update. ``offload_policy`` keeps weights and gradients in such blocks always,
    and the moments in ordinary memory. With ``activation_offload`` the layers' inputs come on top.

    The KL term's second model waits there too, as ``offload_policy`` would have it.

    LoRA has gradients and moments of its adapter only; where vLLM keeps it beside the weights, it puts these there
    while it sleeps, 2 bytes a parameter.
    """
    pieces = [-(-size // setup.shard) for size in setup.shape.tensors]
    adapter = [-(-size // setup.shard) for size in adapter_tensors(setup.shape, setup.lora)] if setup.lora else []
    trained = adapter or pieces
    rank = sum(block(setup.reference_bytes * piece) for piece in pieces) if setup.reference_batch else 0
    if setup.offload_policy:
        rank += sum(block(setup.master_bytes * piece) for piece in [*pieces, *adapter, *trained]) + 8 * sum(trained)
    else:
        rank += sum(block(setup.master_bytes * piece) for piece in [*pieces, *adapter]) if setup.param_offload else 0
        rank += 2 * sum(block(4 * piece) for piece in trained) if setup.optimizer_offload else 0
    if setup.lora and not setup.lora.merged and setup.colocated and setup.sleeps:
        rank += engine_weights(setup)
    if setup.checkpointing and setup.activation_offload:
        rank += setup.tokens * setup.shape.layers * setup.compute_bytes * setup.shape.hidden
    return setup.gpus_per_node * rank


def memory_limit(root: Path = Path("/")) -> int:
    """Bytes that this process may use: the machine's memory, or less where a control group (a container, a job of
    SLURM) limits it. ``root`` holds proc and sys."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    groups = root / "proc/self/cgroup"
    for line in groups.read_text().splitlines() if groups.exists() else ():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            tree, file = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            tree, file = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        folder = tree / name.lstrip("/")
        for place in (folder, *folder.parents):
            text = (place / file).read_text().strip() if (place / file).is_file() else ""
            limits += [int(text)] if text.isdigit() else []
    return min(limits)
