"""What to change where a setup does not fit: found by trying, cheapest change first."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from dgpo.config.memory.phases import Setup, cache_tokens, kv_bytes_per_token, micro_batch_tokens, overflows, phases

# Fields of the setup that may be changed, and their keys in the config; that of `ulysses` is in the setup.
KEYS = {
    "fused": "actor_rollout_ref.model.use_fused_kernels",
    "checkpointing": "actor_rollout_ref.model.enable_gradient_checkpointing",
    "activation_offload": "actor_rollout_ref.model.enable_activation_offload",
    "tokens": "actor_rollout_ref.actor.ppo_max_token_len_per_gpu",
    "micro_batch": "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu",
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


def apply(setup: Setup, change: Change) -> Setup:
    """``setup`` with the fields of ``change`` and what follows from them: T where a micro-batch is so many samples,
    and the training state stays shared by all GPUs where it was."""
    changed = replace(setup, **change)
    if changed.micro_batch is not None:
        changed = replace(changed, tokens=micro_batch_tokens(changed.micro_batch, changed.longest, changed.ulysses))
    return replace(changed, shard=changed.gpus) if setup.shard == setup.gpus else changed


def excess(setup: Setup) -> int:
    """Bytes by which the phases exceed the GPU, and the cache falls short of one sequence."""
    limit = setup.gpu_bytes or 0
    missing = max(0, setup.longest - cache_tokens(setup))
    over = sum(max(0, phase.total - limit) for phase in phases(setup))
    return over + missing * kv_bytes_per_token(setup.shape, setup.tensor_parallel)


def fewest_tokens(longest: int, ulysses: int) -> int:
    """Tokens a GPU of the smallest micro-batch that holds one sequence, in multiples of 1024."""
    return math.ceil(longest / ulysses / 1024) * 1024


def _switch(field: str) -> Rung:
    def changes(setup: Setup) -> Iterator[Change]:
        if not getattr(setup, field):
            yield {field: True}

    return changes


def _smaller_micro_batches(setup: Setup) -> Iterator[Change]:
    if setup.micro_batch is not None:
        for samples in range(setup.micro_batch - 1, 0, -1):
            if setup.micro_batch % samples == 0:
                yield {"micro_batch": samples}
        return
    least = fewest_tokens(setup.longest, setup.ulysses)
    for tokens in (setup.tokens // 2 // 1024 * 1024, least):
        if least <= tokens < setup.tokens:
            yield {"tokens": tokens}


def _shared_sequences(setup: Setup) -> Iterator[Change]:
    for size in setup.shape.valid_ulysses(setup.gpus):
        if size > setup.ulysses:
            least = min(setup.tokens, fewest_tokens(setup.longest, size))
            yield {"ulysses": size, **({"tokens": least} if setup.micro_batch is None else {})}


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
    _switch("fused"),
    _utilisation,
    _switch("optimizer_offload"),
    _switch("param_offload"),
    _switch("checkpointing"),
    _smaller_micro_batches,
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
    accepted: list[Change] = []
    current = setup
    for rung in LADDER:
        if not overflows(current):
            break
        choices = [change for change in rung(current) if _allowed(current, change)]
        fitting = (change for change in choices if not overflows(apply(current, change)))
        best = next(fitting, None) or min(choices, key=lambda change: excess(apply(current, change)), default=None)
        if best and excess(apply(current, best)) < excess(current):
            accepted.append(best)
            current = apply(current, best)
    if overflows(current):
        return None
    for change in reversed(accepted):
        others = [other for other in accepted if other is not change]
        if not overflows(_all(setup, others)):
            accepted = others
    fields = {field: value for change in accepted for field, value in change.items() if value != getattr(setup, field)}
    keys = {**KEYS, "ulysses": setup.ulysses_key}
    return [f"{keys[field]}={_text(value)}" for field, value in fields.items()]


def _allowed(setup: Setup, change: Change) -> bool:
    return not set(setup.fixed).intersection(change) and (apply(setup, change).even or not setup.even)


def _all(setup: Setup, changes: list[Change]) -> Setup:
    for change in changes:
        setup = apply(setup, change)
    return setup


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
