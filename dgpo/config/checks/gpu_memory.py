"""Memory by `dgpo.config.memory`: of a GPU where the config states it, and of this machine where the run is its own."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding
from dgpo.config.memory.host import host_bytes, memory_limit
from dgpo.config.memory.phases import engine_bytes, engine_weights, overflows, resident, state
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import ACTOR, GIB, Setup, setup_from
from dgpo.errors import UserError

KEY = "run.gpu_memory_gib"


def fits(config: DictConfig) -> Iterator[Finding]:
    """What is certain is refused: a training state, or a share of vLLM beside it, larger than the GPU, and weights
    larger than that share. The rest of the plan is an estimate, and only warned about."""
    if config.trainer.device == "cpu" or config.run.gpu_memory_gib is None:
        return
    try:
        setup = setup_from(config)
    except UserError:
        return
    sentences = overflows(setup)
    if not sentences:
        return
    changes = remedy(setup)
    advice = "it fits with " + " ".join(changes) if changes else "use larger GPUs, or a smaller model"
    message = "; ".join(sentences) + " (dgpo plan shows the parts)"
    yield Finding(KEY, config.run.gpu_memory_gib, message, advice, fatal=certainly_too_much(setup))


def offloading(config: DictConfig) -> Iterator[Finding]:
    """What is offloaded fits into the memory of this machine, where no cluster takes it elsewhere."""
    if config.trainer.device == "cpu" or cluster_address(config) is not None:
        return
    try:
        setup = setup_from(config)
    except UserError:
        return
    needed, limit = host_bytes(setup), memory_limit()
    if needed > limit:
        yield Finding(
            f"{ACTOR}.fsdp_config.param_offload",
            setup.param_offload,
            f"what is offloaded takes {needed / GIB:.0f} GiB of CPU memory on each node, and this process may use "
            f"{limit / GIB:.0f}",
            "raise the limit of the container or job, offload less, or take more nodes",
        )


def certainly_too_much(setup: Setup) -> bool:
    """Whether the parts that are no estimate exceed the GPU by themselves."""
    limit = setup.gpu_bytes or 0
    return (
        sum(state(setup).values()) > limit
        or engine_bytes(setup) + resident(setup) > limit
        or engine_weights(setup) > engine_bytes(setup)
    )
