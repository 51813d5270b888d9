"""Factors on the advantages in verl's trainer: read from its storage once they are there, multiplied, written back.

So they go with every advantage estimator and every policy loss. `PPOTrainer._compute_advantage` runs once a batch, in
every mode, in the trainer's process.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from torch import Tensor
from transfer_queue import KVBatchMeta
from verl.workers.utils.padding import response_to_nested

from dgpo.advantages.dynamo import modulation

DAMPED = 0.95
"""A token whose b_stab is below it counts as damped."""


def modulate(trainer: Any, settings: Mapping[str, Any]) -> None:
    """Have ``trainer`` multiply advantages by `modulation` with ``settings``, and tell `modulation_metrics`."""

    def factors(batch: KVBatchMeta, data: TensorDict, metrics: dict[str, Any]) -> Tensor:
        tensors = [data[name] for name in ("advantages", "old_log_probs", "entropy", "response_mask")]
        comp = modulation(*tensors, **{**settings, "floor": 1.0})
        stab = modulation(*tensors, **{**settings, "alpha": 0.0})
        metrics.update(modulation_metrics(comp, stab, data["response_mask"]))
        return comp * stab

    multiply_advantages(trainer, ["old_log_probs", "entropy"], factors)


def modulation_metrics(comp: Tensor, stab: Tensor, response_mask: Tensor) -> dict[str, float]:
    """The metrics under ``modulation/``, over response tokens.

    ``comp_mean``, ``stab_mean``: of b_comp and b_stab. ``boosted_share``: with b_comp above 1. ``damped_share``: with
    b_stab below `DAMPED`.
    """
    mask = response_mask.bool()
    comp, stab = comp[mask], stab[mask]
    figures = {
        "comp_mean": comp,
        "stab_mean": stab,
        "boosted_share": (comp > 1).float(),
        "damped_share": (stab < DAMPED).float(),
    }
    return {f"modulation/{name}": float(each.mean()) if len(each) else 0.0 for name, each in figures.items()}


def weigh_prompts(trainer: Any) -> None:
    """Have every prompt of a batch weigh alike, whatever number of answers it has: factors n̄/n_i."""

    def factors(batch: KVBatchMeta, data: TensorDict, metrics: dict[str, Any]) -> Tensor:
        padding = [bool(tag.get("is_padding", False)) for tag in batch.tags]
        return prompt_weights(batch.keys, padding)[:, None]

    multiply_advantages(trainer, [], factors)


def prompt_weights(keys: list[str], padding: list[bool]) -> Tensor:
    """n̄/n_i of the prompt of each sample, `(B,)`; verl's keys are ``uid_session_output``. 1 for padding."""
    sessions = {tuple(key.split("_")[:2]) for key, void in zip(keys, padding, strict=True) if not void}
    answers = Counter(uid for uid, _ in sessions)
    mean = len(sessions) / max(1, len(answers))
    weights = [1.0 if void else mean / answers[key.split("_")[0]] for key, void in zip(keys, padding, strict=True)]
    return torch.tensor(weights)


def multiply_advantages(
    trainer: Any, fields: list[str], factors: Callable[[KVBatchMeta, TensorDict, dict[str, Any]], Tensor]
) -> None:
    """Have ``trainer`` multiply the advantages of each batch by ``factors`` of it.

    Args:
        fields: read for ``factors``, `(B, T)` and padded with 0, beside ``advantages`` and ``response_mask``.
    """
    compute_advantage = trainer._compute_advantage

    def multiplied(batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        batch = compute_advantage(batch, metrics)
        place = {"keys": batch.keys, "partition_id": batch.partition_id}
        data = tq.kv_batch_get(**place, select_fields=["advantages", "response_mask", *fields])
        lengths = data["response_mask"]
        data = data.to_padded_tensor()
        changed = response_to_nested(data["advantages"] * factors(batch, data, metrics), lengths)
        return tq.kv_batch_put(**place, fields=TensorDict({"advantages": changed}, batch_size=len(batch)))

    trainer._compute_advantage = multiplied
