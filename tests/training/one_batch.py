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
import transfer_queue as tq
from omegaconf import OmegaConf
from stand_ins import Trainer, add_log_probs, advantages, batch_of, config_of, expected_factors, manager_of, submit
from transfer_queue import KVBatchMeta
from verl.utils import tensordict_utils as tu

from dgpo.advantages.verl import modulate, weigh_prompts
from dgpo.errors import UserError
from dgpo.rollouts.verl import count_successes
from dgpo.training.keeping import keep_groups
from dgpo.training.verl import CompletionCallback, fix_updates, log_sample_metrics, read_verdicts


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
