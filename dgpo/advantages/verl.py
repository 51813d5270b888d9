"""Advantages in verl's trainer: credit for the turns of agents, and factors on whatever advantages there are.

Factors are read from verl's storage, multiplied, written back: so they go with every advantage estimator and every
policy loss. `PPOTrainer._compute_advantage` runs once a batch, in every mode, in the trainer's process.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from torch import Tensor
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.core_algos import register_adv_est
from verl.workers.utils.padding import response_to_nested

from dgpo.advantages.dynamo import modulation
from dgpo.advantages.proxmo import token_advantages
from dgpo.advantages.trajectories import CREDIT, ESTIMATOR, credit_metrics, refuse_lost, trajectories_of
from dgpo.batch import padding_of, split_key, values_of
from dgpo.errors import choose

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
        return prompt_weights(batch.keys, padding_of(batch.tags))[:, None]

    multiply_advantages(trainer, [], factors)


def prompt_weights(keys: list[str], padding: list[bool]) -> Tensor:
    """n̄/n_i of the prompt of each sample, `(B,)`; 1 for padding."""
    parts = [split_key(key) for key in keys]
    sessions = {(prompt, session) for (prompt, session, _), pad in zip(parts, padding, strict=True) if not pad}
    answers = Counter(prompt for prompt, _ in sessions)
    mean = len(sessions) / max(1, len(answers))
    return torch.tensor([1.0 if pad else mean / answers[each[0]] for each, pad in zip(parts, padding, strict=True)])


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


_token_advantages: list[Tensor] = []


@register_adv_est(ESTIMATOR)
def _prepared(token_level_rewards: Tensor, response_mask: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
    """verl tells an estimator rewards and groups, and no turns; they were read before it was called."""
    if not _token_advantages:
        raise RuntimeError(f"algorithm.adv_estimator={ESTIMATOR} has no turns: it needs an agent, agent=gymnasium")
    advantages = _token_advantages.pop() * response_mask
    return advantages, advantages


def credit_turns(trainer: Any, settings: Mapping[str, Any], max_lost: float) -> None:
    """Have ``trainer`` give each turn of an agent's trajectories its advantage, by `CREDIT` with ``settings``.

    It ends where environments have lost more than the share ``max_lost`` of a batch's episodes.
    """
    method = choose("credit", "credit.method", settings["method"], CREDIT)
    options = {key: value for key, value in settings.items() if key != "method"}
    compute_advantage = trainer._compute_advantage

    def credited(batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        place = {"keys": batch.keys, "partition_id": batch.partition_id}
        data = tq.kv_batch_get(**place, select_fields=["response_mask", "extra_fields"])
        mask = data["response_mask"].to_padded_tensor(0)
        trajectories = trajectories_of(batch.keys, values_of(data["extra_fields"]), padding_of(batch.tags))
        refuse_lost([each["lost"] for each in trajectories.values()], max_lost)
        advantages = torch.zeros(mask.shape)
        groups = defaultdict[str, list[dict[str, Any]]](list)
        for (uid, _), trajectory in trajectories.items():
            if not trajectory["lost"]:
                groups[uid].append(trajectory)
        for group in groups.values():
            for trajectory, per_turn in zip(group, method(group, **options), strict=True):
                for (row, span), advantage in zip(trajectory["spans"], per_turn, strict=True):
                    advantages[row] += token_advantages([advantage], [span], mask[row])
        metrics.update(credit_metrics(list(groups.values()), options))
        _token_advantages.append(advantages)
        return compute_advantage(batch, metrics)

    trainer._compute_advantage = credited
