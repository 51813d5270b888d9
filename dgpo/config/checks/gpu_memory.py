"""GPU memory by `dgpo.config.memory`, where the config states what a GPU has."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.config.checks.finding import Problem
from dgpo.config.memory.phases import engine_bytes, overflows, resident, state
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import Setup, setup_from
from dgpo.config.memory.shape import PlanError

KEY = "run.gpu_memory_gib"


def fits(config: DictConfig) -> Iterator[Problem]:
    """What is certain is refused: a training state, or a share of vLLM beside it, larger than the GPU, and weights
    larger than that share. The rest of the plan is an estimate, and only warned about."""
    if config.trainer.device == "cpu" or config.run.gpu_memory_gib is None:
        return
    try:
        setup = setup_from(config)
    except PlanError:
        return
    sentences = overflows(setup)
    if not sentences:
        return
    changes = remedy(setup)
    advice = "it fits with " + " ".join(changes) if changes else "use larger GPUs, or a smaller model"
    message = "; ".join(sentences) + " (dgpo plan shows the parts)"
    yield Problem(KEY, config.run.gpu_memory_gib, message, advice, fatal=certainly_too_much(setup))


def certainly_too_much(setup: Setup) -> bool:
    """Whether the parts that are no estimate exceed the GPU by themselves."""
    limit = setup.gpu_bytes or 0
    weights = 2 * setup.shape.parameters // setup.tensor_parallel
    return (
        sum(state(setup).values()) > limit
        or engine_bytes(setup) + resident(setup) > limit
        or weights > engine_bytes(setup)
    )
