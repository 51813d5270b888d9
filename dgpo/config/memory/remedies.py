"""What to change where a setup does not fit: found by trying, cheapest change first."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from dgpo.config.memory.phases import cache_tokens, kv_bytes_per_token, overflows, phases
from dgpo.config.memory.setup import MicroBatch, Setup

# Fields of the setup that may be changed, and their keys in the config; the setup has those of `ulysses` and of
# micro-batches.
KEYS = {
    "update_entropy": "actor_rollout_ref.actor.calculate_entropy",
    "chunked_entropy": "actor_rollout_ref.actor.fsdp_config.entropy_from_logits_with_chunking",
    "fused": "actor_rollout_ref.model.use_fused_kernels",
    "checkpointing": "actor_rollout_ref.model.enable_gradient_checkpointing",
    "activation_offload": "actor_rollout_ref.model.enable_activation_offload",
    "strategy": "actor_rollout_ref.actor.strategy",
    "param_offload": "actor_rollout_ref.actor.fsdp_config.param_offload",
    "optimizer_offload": "actor_rollout_ref.actor.fsdp_config.optimizer_offload",
    "offload_policy": "actor_rollout_ref.actor.fsdp_config.offload_policy",
    "utilisation": "actor_rollout_ref.rollout.gpu_memory_utilization",
    "tensor_parallel": "actor_rollout_ref.rollout.tensor_model_parallel_size",
    "nodes": "trainer.nnodes",
}
# Nodes that the last remedy goes up to.
MOST_NODES = 64

Change = dict[str, Any]
Rung = Callable[[Setup], Iterator[Change]]


def excess(setup: Setup) -> int:
    """Bytes by which the phases exceed the GPU, and the cache falls short of one sequence."""
    limit = setup.gpu_bytes or 0
    missing = max(0, setup.longest - cache_tokens(setup))
    over = sum(max(0, phase.total - limit) for phase in phases(setup))
    return over + missing * kv_bytes_per_token(setup.shape, setup.tensor_parallel)


def fewest_tokens(longest: int, ulysses: int) -> int:
    """Tokens a GPU of the smallest micro-batch that holds one sequence, in multiples of 1024."""
    return math.ceil(longest / ulysses / 1024) * 1024


def _switch(field: str, *, on: bool = True) -> Rung:
    def changes(setup: Setup) -> Iterator[Change]:
        if getattr(setup, field) != on:
            yield {field: on}

    return changes


def _smaller(field: str) -> Rung:
    def changes(setup: Setup) -> Iterator[Change]:
        batch: MicroBatch | None = getattr(setup, field)
        if batch is None:
            return
        least = fewest_tokens(setup.longest, setup.ulysses)
        if batch.by_tokens:
            sizes = [size for size in (batch.size // 2 // 1024 * 1024, least) if least <= size < batch.size]
        else:
            sizes = [size for size in range(batch.size - 1, 0, -1) if batch.size % size == 0]
        for size in sizes:
            yield {field: replace(batch, size=size)}

    return changes


def _shared_sequences(setup: Setup) -> Iterator[Change]:
    batch = setup.micro_batch
    for size in setup.shape.valid_ulysses(setup.gpus):
        if size > setup.ulysses:
            least = min(batch.size, fewest_tokens(setup.longest, size))
            yield {"ulysses": size, **({"micro_batch": replace(batch, size=least)} if batch.by_tokens else {})}


def _utilisation(setup: Setup) -> Iterator[Change]:
    shares = [step / 20 for step in range(19, 3, -1)]
    lower = [share for share in shares if share < setup.utilisation]
    higher = [share for share in reversed(shares) if share > setup.utilisation]
    for share in lower + higher:
        yield {"utilisation": share}


def _larger_replicas(setup: Setup) -> Iterator[Change]:
    for size in setup.shape.valid_tensor_parallel(setup.gpus_per_node):
        if size > setup.tensor_parallel:
            yield {"tensor_parallel": size}


def _offload_policy(setup: Setup) -> Iterator[Change]:
    for change in _switch("offload_policy")(setup):
        yield change if setup.strategy == "fsdp2" else {"strategy": "fsdp2", **change}


def _more_nodes(setup: Setup) -> Iterator[Change]:
    nodes = 2 * setup.nodes
    while nodes <= MOST_NODES:
        yield {"nodes": nodes}
        nodes *= 2


# What costs nothing, then what costs time, then what costs machines.
LADDER: tuple[Rung, ...] = (
    _switch("update_entropy", on=False),
    _switch("chunked_entropy"),
    _switch("fused"),
    _utilisation,
    _switch("optimizer_offload"),
    _switch("param_offload"),
    _switch("checkpointing"),
    _smaller("log_prob_batch"),
    _smaller("micro_batch"),
    _larger_replicas,
    _shared_sequences,
    _switch("activation_offload"),
    _offload_policy,
    _more_nodes,
)


def remedy(setup: Setup) -> list[str] | None:
    """Overrides with which ``setup`` fits; empty where it does already, None where nothing known helps.

    Goes up the ladder and takes from each rung the first change that fits, or else the one that helps most; none that
    the rest of the config forbids. Changes that turn out not to be needed are left out in the end, the dearest first.
    """
    accepted: list[Change] = [{"fused": False}] if setup.broken else []
    current = replace(setup, **_merged(accepted))
    for rung in LADDER:
        if not overflows(current):
            break
        choices = [change for change in rung(current) if _allowed(current, change)]
        fitting = (change for change in choices if not overflows(replace(current, **change)))
        best = next(fitting, None) or min(choices, key=lambda change: excess(replace(current, **change)), default=None)
        if best and excess(replace(current, **best)) < excess(current):
            accepted.append(best)
            current = replace(current, **best)
    if overflows(current):
        return None
    for change in reversed(accepted):
        others = [other for other in accepted if other is not change]
        fewer = replace(setup, **_merged(others))
        if not overflows(fewer) and not fewer.broken:
            accepted = others
    fields = {field: value for field, value in _merged(accepted).items() if value != getattr(setup, field)}
    return [_override(setup, field, value) for field, value in fields.items()]


def _allowed(setup: Setup, change: Change) -> bool:
    changed = replace(setup, **change)
    return not set(setup.fixed).intersection(change) and not changed.broken and (changed.even or not setup.even)


def _merged(changes: list[Change]) -> Change:
    return {field: value for change in changes for field, value in change.items()}


def _override(setup: Setup, field: str, value: Any) -> str:
    if isinstance(value, MicroBatch):
        return f"{value.key}={value.size}"
    key = setup.ulysses_key if field == "ulysses" else KEYS[field]
    return f"{key}={str(value).lower() if isinstance(value, bool) else value}"
