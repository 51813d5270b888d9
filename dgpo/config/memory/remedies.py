"""What to change where a setup does not fit: found by trying, cheapest change first."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dgpo.config.memory.phases import cache_tokens, kv_bytes_per_token, overflows, totals
from dgpo.config.memory.setup import KEYS, MicroBatch, Setup

Change = dict[str, Any]
"""Fields of a setup, and what they become."""


def excess(setup: Setup) -> int:
    """Bytes by which the phases exceed the GPU, and the cache falls short of one sequence."""
    over = sum(max(0, size - (setup.gpu_bytes or 0)) for size in totals(setup).values())
    missing = max(0, setup.longest - cache_tokens(setup))
    return over + missing * kv_bytes_per_token(setup.shape, setup.tensor_parallel)


def fewest_tokens(longest: int, ulysses: int) -> int:
    """Tokens a GPU of the smallest micro-batch that holds one sequence, in multiples of 1024."""
    return math.ceil(longest / ulysses / 1024) * 1024


def _always(**change: Any) -> Callable[[Setup], list[Change]]:
    return lambda setup: [change]


def _smaller(field: str) -> Callable[[Setup], list[Change]]:
    def changes(setup: Setup) -> list[Change]:
        batch: MicroBatch | None = getattr(setup, field)
        if batch is None:
            return []
        least = fewest_tokens(setup.longest, setup.ulysses)
        if batch.by_tokens:
            sizes = [size for size in (batch.size // 2 // 1024 * 1024, least) if least <= size < batch.size]
        else:
            sizes = [size for size in range(batch.size - 1, 0, -1) if batch.size % size == 0]
        return [{field: replace(batch, size=size)} for size in sizes]

    return changes


def _shared_sequences(setup: Setup) -> list[Change]:
    def change(size: int) -> Change:
        batch = setup.micro_batch
        least = min(batch.size, fewest_tokens(setup.longest, size))
        return {"ulysses": size, "micro_batch": replace(batch, size=least) if batch.by_tokens else batch}

    return [change(size) for size in setup.shape.valid_ulysses(setup.gpus) if size > setup.ulysses]


def _utilisation(setup: Setup) -> list[Change]:
    """The next lower ones first, then the next higher ones."""
    shares = [step / 20 for step in range(4, 20)]
    lower = [share for share in reversed(shares) if share < setup.utilisation]
    return [{"utilisation": share} for share in lower + [share for share in shares if share > setup.utilisation]]


def _larger_replicas(setup: Setup) -> list[Change]:
    sizes = setup.shape.valid_tensor_parallel(setup.gpus_per_node)
    return [{"tensor_parallel": size} for size in sizes if size > setup.tensor_parallel]


# What costs nothing, then what costs time, then what costs machines.
LADDER: tuple[Callable[[Setup], list[Change]], ...] = (
    _always(update_entropy=False),
    _always(chunked_entropy=True),
    _always(fused=True),
    _utilisation,
    _always(optimizer_offload=True),
    _always(param_offload=True),
    _always(checkpointing=True),
    _smaller("log_prob_batch"),
    _smaller("reference_batch"),
    _smaller("micro_batch"),
    _larger_replicas,
    _shared_sequences,
    _always(activation_offload=True),
    _always(offload_policy=True, strategy="fsdp2"),
    lambda setup: [{"nodes": setup.nodes << times} for times in range(1, 7) if setup.nodes << times <= 64],
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
    touched = {field for field, value in change.items() if value != getattr(setup, field)}
    return not touched.intersection(setup.fixed) and not changed.broken and (changed.even or not setup.even)


def _merged(changes: list[Change]) -> Change:
    return {field: value for change in changes for field, value in change.items()}


def _override(setup: Setup, field: str, value: Any) -> str:
    if isinstance(value, MicroBatch):
        return f"{value.key}={value.size}"
    key = setup.ulysses_key if field == "ulysses" else KEYS[field]
    return f"{key}={str(value).lower() if isinstance(value, bool) else value}"
