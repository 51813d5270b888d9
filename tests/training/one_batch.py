"""Prints what the trainer's hooks make of one batch, read from a real TransferQueue as verl leaves its samples in it.

A script, because Ray settles how a process authenticates once, at its first connection.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import ray
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils as tu

from dgpo.advantages.dynamo import modulation
from dgpo.advantages.verl import modulate, weigh_prompts
from dgpo.config.compose import compose_config, resolved
from dgpo.errors import UserError
from dgpo.rollouts.verl import AllocatingManager, count_successes
from dgpo.training.keeping import keep_groups
from dgpo.training.verl import CompletionCallback, fix_updates, log_sample_metrics, read_verdicts

# Six answers to each prompt on average, three updates of two prompts.
OVERRIDES = ["rollouts=dynamo", "data.train_batch_size=6", "actor_rollout_ref.rollout.n=6", "rollouts.low=2"]
OVERRIDES += ["actor_rollout_ref.model.path=none", "rollouts.high=14"]
TRUTHS = ["easy", "hard", "coin", "easy", "hard", "coin"]


def config_of(*overrides: str) -> Any:
    return resolved(compose_config("quickstart", [*OVERRIDES, *overrides]))


def verdict(reason: str) -> dict[str, Any]:
    acc = float(reason == "match")
    return {"acc": acc, "reason": reason, "stage": "string", "seconds": "0.1", "cached": "0", "restarts": "1"}


class Worker:
    """Stands for verl's worker of agent loops: answers come at once, right by the kind of their prompt."""

    def __init__(self) -> None:
        self.generate_sequences = SimpleNamespace(remote=self._generate)
        self.asked: list[int] = []

    def _generate(self, batch: TensorDict) -> Any:
        keys, rows, tags = [], [], []
        for i in range(len(batch)):
            prompt = {name: value[i].data for name, value in batch.items() if not isinstance(value, torch.Tensor)}
            self.asked.append(prompt.get("__rollout_n__", 0))
            right = {"easy": lambda _: True, "hard": lambda _: False, "coin": lambda each: each % 2 == 0}
            for session in range(self.asked[-1]):
                good = right[prompt["reward_model"]["ground_truth"]](session)
                length = 2 + (i + session) % 4
                lengths = {"prompts": 2, "responses": length, "response_mask": length}
                lengths |= {"input_ids": 2 + length, "position_ids": 2 + length}
                row: dict[str, Any] = {name: torch.ones(size, dtype=torch.int64) for name, size in lengths.items()}
                row["rm_scores"] = torch.nn.functional.pad(torch.tensor([float(good)]), (length - 1, 0))
                row["extra_fields"] = {"reward_extra_info": verdict("match" if good else "timeout")}
                keys.append(f"{prompt['uid']}_{session}_0")
                rows.append({**row, **{name: prompt[name] for name in ("uid", "prompt_key") if name in prompt}})
                tags.append({"status": "success", "seq_len": 2 + length})
        if keys:
            tq.kv_batch_put(keys=keys, fields=tu.list_of_dict_to_tensordict(rows), tags=tags, partition_id="train")
        self.answered = KVBatchMeta(partition_id="train", keys=keys, tags=tags)
        return ray.put(None)


def manager_of(config: Any) -> AllocatingManager:
    manager = AllocatingManager(config, llm_client=None)
    manager.agent_loop_workers = [Worker()]
    return manager


def submit(manager: AllocatingManager, step: int, **more: Any) -> list[int]:
    """Submit the same six prompts, two of each kind; the answers that each gets."""
    columns = {
        "uid": [f"{step:04x}{i:04x}" for i in range(len(TRUTHS))],
        "data_source": ["kinds"] * len(TRUTHS),
        "raw_prompt": [[{"role": "user", "content": f"problem {i}"}] for i in range(len(TRUTHS))],
        "reward_model": [{"ground_truth": truth, "style": "rule"} for truth in TRUTHS],
    }
    before = len(manager.agent_loop_workers[0].asked)
    manager.generate_sequences(tu.get_tensordict(columns, non_tensor_dict=more))
    return manager.agent_loop_workers[0].asked[before:]


class Trainer:
    """verl's own methods on the parts of a trainer that they read."""

    local_trigger_step = 0
    parameter_sync_step, global_steps, use_critic, kl_ctrl_in_reward = 1, 1, False, None
    _compute_advantage = PPOTrainer._compute_advantage
    _balance_batch = PPOTrainer._balance_batch
    _update_actor = PPOTrainer._update_actor
    _get_required_batch_multiple = PPOTrainer._get_required_batch_multiple

    def __init__(self, config: Any, manager: Any = None) -> None:
        self.config, self.agent_loop_manager = config, manager
        self.tokenizer = SimpleNamespace(eos_token_id=2)
        self.updates: list[dict[str, Any]] = []
        self.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0]}, update_actor=self._update)

    def _update(self, batch: KVBatchMeta) -> dict[str, Any]:
        sizes = {name: batch.extra_info[name] for name in ("mini_batch_size", "global_batch_size")}
        self.updates.append({"rows": len(batch), **sizes})
        return {"metrics": {"mfu": [0.0]}}

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int
    ) -> None:
        metrics["training/global_step"] = global_steps


def advantages(batch: KVBatchMeta) -> dict[str, list[float]]:
    data = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=["advantages"])
    return {key: row.tolist() for key, row in zip(batch.keys, data["advantages"].unbind(), strict=True)}


def add_log_probs(batch: KVBatchMeta) -> None:
    """What the actor computes of every row, padding included."""
    generator = torch.Generator().manual_seed(0)
    lengths = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=["response_mask"])["response_mask"]
    fields = {}
    for name, sign in (("old_log_probs", -1), ("entropy", 1)):
        rows = [sign * torch.rand(length, generator=generator) for length in lengths.offsets().diff().tolist()]
        fields[name] = torch.nested.as_nested_tensor(rows, layout=torch.jagged)
    tq.kv_batch_put(keys=batch.keys, partition_id="train", fields=TensorDict(fields, batch_size=len(batch.keys)))


def expected_factors(batch: KVBatchMeta) -> dict[str, list[float]]:
    """`modulation` of each sample by itself, from what the storage holds."""
    names = ["advantages", "old_log_probs", "entropy", "response_mask"]
    data = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=names)
    rows = zip(*(data[name].unbind() for name in names), strict=True)
    return {
        key: modulation(*(each[None].float() for each in row))[0].tolist()
        for key, row in zip(batch.keys, rows, strict=True)
    }


def a_run(folder: Path) -> dict[str, Any]:
    """Three steps with a checkpoint after the second, and the third again from there."""
    config = config_of()
    manager = manager_of(config)
    trainer = Trainer(config, manager)
    count_successes(trainer, manager)
    told: dict[str, Any] = {"validation": submit(manager, 0, validate=True), "asked": [], "metrics": []}

    def step(number: int) -> KVBatchMeta:
        told["asked"].append(submit(manager, number))
        metrics: dict[str, Any] = {}
        batch = trainer._balance_batch(manager.agent_loop_workers[0].answered, metrics)
        trainer._compute_advantage(batch, metrics)
        told["metrics"].append({key: value for key, value in metrics.items() if key.startswith("rollouts/")})
        return batch

    step(1)
    step(2)
    checkpoint = folder / "global_step_2"
    checkpoint.mkdir()
    CompletionCallback().on_save(trainer, 2, str(checkpoint))
    told["manifest"] = json.loads((checkpoint / "manifest.json").read_text())["files"]
    step(3)
    going_on = ["trainer.resume_mode=resume_path", f"trainer.resume_from_path={checkpoint}"]
    told["resumed"] = submit(manager_of(config_of(*going_on)), 4)
    told["mastered"] = submit(manager_of(config_of(*going_on, "rollouts.mastery=0.5")), 5)
    (checkpoint / "success_counts.json").unlink()
    told["resumed without counts"] = submit(manager_of(config_of(*going_on)), 6)
    return told


def batch_of(config: Any, step: int, lost: int = 5) -> KVBatchMeta:
    """Samples of a first step, uniform but for the last prompt, which has ``lost`` some of its six."""
    manager = manager_of(config)
    submit(manager, step)
    whole = manager.agent_loop_workers[0].answered
    kept = len(whole.keys) - lost
    return KVBatchMeta(partition_id="train", keys=whole.keys[:kept], tags=whole.tags[:kept])


def on_advantages(step: int, hook: Callable[[Any], None]) -> dict[str, Any]:
    """The advantages of a batch with verl's padding, without and with a hook; and the metrics."""
    plain = Trainer(config_of())
    batch = plain._balance_batch(batch_of(plain.config, step), {})
    add_log_probs(batch)
    plain._compute_advantage(batch, {})
    before, factors, metrics = advantages(batch), expected_factors(batch), {}
    hook(plain)
    plain._compute_advantage(batch, metrics)
    padding = [bool(tag.get("is_padding", False)) for tag in batch.tags]
    return {
        "before": before,
        "after": advantages(batch),
        "factors": factors,
        "metrics": metrics,
        "padding": sum(padding),
    }


def updates(step: int, *overrides: str, lost: int = 5) -> dict[str, Any]:
    """Sizes of the actor's updates by verl itself, and as `fix_updates` has them."""
    told = {}
    for name in ("verl", "fixed"):
        trainer = Trainer(config_of(*overrides))
        if name == "fixed":
            fix_updates(trainer)
        batch = trainer._balance_batch(batch_of(trainer.config, step, lost), {})
        trainer._update_actor(batch, {})
        (told[name],) = trainer.updates
        step += 1
    return told


def without_room(step: int) -> dict[str, Any]:
    """What low = n = high makes of a batch that follows evidence: answers asked for, rows and their advantages."""
    config = config_of("rollouts.low=6", "rollouts.high=6")
    manager = manager_of(config)
    told: dict[str, Any] = {}
    for name in ("plain", "allocating"):
        trainer = Trainer(config, manager)
        if name == "allocating":
            count_successes(trainer, manager)
            weigh_prompts(trainer)
        told["asked"] = submit(manager, step)
        answered = manager.agent_loop_workers[0].answered
        trainer._compute_advantage(answered, {})
        # Of keys that begin with the step's number.
        told[name] = [(key[4:], row) for key, row in advantages(answered).items()]
        manager.observe(answered)
        step += 1
    return told


def rewards(step: int) -> dict[str, Any]:
    trainer = Trainer(config_of())
    log_sample_metrics(trainer)
    batch = trainer._balance_batch(batch_of(trainer.config, step), {})
    metrics: dict[str, Any] = {}
    trainer._compute_metrics(batch, metrics, {}, global_steps=5, epoch=0)
    padding = sum(tag.get("is_padding", False) for tag in batch.tags)
    reasons = [each["reason"] for each in read_verdicts(batch)]
    return {"samples": len(batch.keys), "padding": padding, "reasons": reasons, "metrics": metrics}


def kept(step: int, folder: Path, *, writable: bool = True) -> dict[str, Any]:
    """What is kept of a batch with verl's padding, two of its prompts asked for, and the rows marked in the storage."""
    trainer = Trainer(config_of())
    folder.mkdir()
    os.environ["DGPO_RUN_DIR"] = str(folder)
    if not writable:
        (folder / "rollouts").write_text("")
    saved: list[str] = []
    trainer.tokenizer = SimpleNamespace(
        eos_token_id=2, decode=lambda ids: f"{len(ids)} tokens", save_pretrained=lambda place: saved.append(str(place))
    )
    losses: list[Any] = []
    trainer.actor_rollout_wg.set_loss_fn = losses.append
    batch = trainer._balance_batch(batch_of(trainer.config, step), {})
    add_log_probs(batch)
    keep_groups(trainer, 2)
    metrics: dict[str, Any] = {}
    trainer._compute_advantage(batch, metrics)
    marks = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=["kept"])["kept"].tolist()
    files = sorted(folder.glob("rollouts/1/*.parquet"))
    return {
        "loss": type(losses[0]).__name__,
        "tokenizer": saved[0].removeprefix(str(folder)),
        "marks": dict(zip(batch.keys, marks, strict=True)),
        "rows": [row for file in files for row in pq.read_table(file).to_pylist()],
        "timed": metrics["timing_s/keep_rollouts"],
    }


def without_acc(step: int) -> str:
    config = config_of()
    manager = manager_of(config)
    submit(manager, step)
    batch = manager.agent_loop_workers[0].answered
    row = tu.list_of_dict_to_tensordict([{"extra_fields": {"reward_extra_info": {}}}])
    tq.kv_batch_put(keys=batch.keys[:1], fields=row, partition_id="train")
    try:
        manager.observe(batch)
    except UserError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    try:
        tq.init(OmegaConf.create({"backend": {"SimpleStorage": {"num_data_storage_units": 1}}}))
        settings = config_of("advantage=dynamo").advantage
        told = {
            "rewards": rewards(10),
            "run": a_run(Path(sys.argv[1])),
            "modulated": on_advantages(20, lambda trainer: modulate(trainer, settings)),
            "weighed": on_advantages(30, weigh_prompts),
            "updates": updates(40),
            "updates of all": updates(70, lost=0),
            "updates in micro-batches": updates(
                50,
                "actor_rollout_ref.actor.use_dynamic_bsz=false",
                "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4",
                "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=9",
            ),
            "without acc": without_acc(60),
            "without room": without_room(80),
            "kept": kept(90, Path(sys.argv[1]) / "kept"),
            "not kept": kept(91, Path(sys.argv[1]) / "full", writable=False),
        }
        tq.close()
    finally:
        ray.shutdown()
    print(json.dumps(told))
