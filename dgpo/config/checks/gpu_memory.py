"""Memory by `dgpo.config.memory`: of a GPU where the config states it, and of this machine where the run is its own."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding, finding
from dgpo.config.memory.host import host_bytes, memory_limit
from dgpo.config.memory.phases import engine_bytes, engine_weights, overflows, resident, state
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import ENGINE, GIB, Setup, setup_from
from dgpo.errors import UserError


def _setup(config: DictConfig) -> Setup | None:
    """The setup of a config; None on a CPU, and where another check reports what is missing."""
    try:
        return setup_from(config)
    except UserError:
        return None


def fits(config: DictConfig) -> Iterator[Finding]:
    """The run fits its GPUs. It is refused where training state and vLLM's share exceed the GPU, or the weights that
    share; the rest of the plan is an estimate, and only a warning."""
    setup = _setup(config)
    if setup is None or not (sentences := overflows(setup)):
        return
    limit, changes = setup.gpu_bytes or 0, remedy(setup)
    certain = (
        sum(state(setup).values()) > limit
        or engine_bytes(setup) + resident(setup) > limit
        or engine_weights(setup) > engine_bytes(setup)
    )
    advice = "it fits with " + " ".join(changes) if changes else "use larger GPUs, or a smaller model"
    message = "; ".join(sentences) + " (dgpo plan shows the parts)"
    yield finding(config, "run.gpu_memory_gib", message, advice, fatal=certain)


def offloading(config: DictConfig) -> Iterator[Finding]:
    """What is offloaded fits into this machine's memory; not checked for a run on a cluster."""
    setup = _setup(config) if cluster_address(config) is None else None
    if setup is None:
        return
    needed, limit = host_bytes(setup), memory_limit()
    if needed > limit:
        message = (
            f"what is offloaded takes {needed / GIB:.0f} GiB of CPU memory on each node, and this process may use "
            f"{limit / GIB:.0f}"
        )
        advice = "raise the limit of the container or job, offload less, or take more nodes"
        yield finding(config, f"{ENGINE}.param_offload", message, advice)
