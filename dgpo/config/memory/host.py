"""CPU memory that offloading needs on a node, and how much the node has."""

import os
from pathlib import Path

from dgpo.config.memory.lora import adapter_tensors
from dgpo.config.memory.phases import engine_weights
from dgpo.config.memory.setup import Setup


def block(size: int) -> int:
    """Bytes of the page-locked block that holds ``size`` bytes: torch rounds it up to a power of two
    (ATen/core/CachingHostAllocator.h), and does not free it."""
    return 1 << (size - 1).bit_length()


def host_bytes(setup: Setup) -> int:
    """Bytes of CPU memory that a node needs for offloading.

    Outside of the update verl copies each rank's piece of each parameter into a page-locked block: m bytes a parameter
    of weights and two fp32 moments. ``offload_policy`` always keeps weights and gradients in such blocks, and the
    moments in ordinary memory. ``activation_offload`` adds the layers' inputs, and the KL term its second model.

    LoRA has gradients and moments only of its adapter; if vLLM applies the adapter beside the weights, it keeps these
    in CPU memory while it sleeps, 2 bytes a parameter.
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
    """Bytes that this process may use: the machine's memory, or the limit of a control group (a container, a job of
    SLURM) if that is less. ``root`` holds proc and sys."""
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
