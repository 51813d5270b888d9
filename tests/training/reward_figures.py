"""Prints the figures of the reward, read from a real TransferQueue as verl's trainer leaves its samples in it.

A script, because Ray settles how a process authenticates once, at its first connection.
"""

import json
from types import SimpleNamespace
from typing import Any

import ray
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.padding_utils import upsample_batch_to_divisible_size
from verl.utils.tensordict_utils import list_of_dict_to_tensordict

from dgpo.training.verl import log_reward_metrics, read_verdicts


def verdict(reason: str) -> dict[str, Any]:
    acc = float(reason == "match")
    return {"acc": acc, "reason": reason, "stage": "string", "seconds": "0.1", "cached": "0", "restarts": "1"}


def make_batch() -> KVBatchMeta:
    """Three samples, and a fourth with which verl fills up the mini-batch."""
    keys = [f"problem_{i}_0" for i in range(3)]
    row = {name: torch.ones(4, dtype=torch.int64) for name in ("prompts", "responses", "response_mask")}
    whole = {name: torch.ones(8, dtype=torch.int64) for name in ("input_ids", "position_ids")}
    rows = [
        {**row, **whole, "extra_fields": {"reward_extra_info": verdict(reason)}}
        for reason in ("match", "match", "timeout")
    ]
    tags = [{"status": "success", "seq_len": 8} for _ in keys]
    tq.kv_batch_put(keys=keys, fields=list_of_dict_to_tensordict(rows), tags=tags, partition_id="train")
    meta = KVBatchMeta(partition_id="train", keys=keys, tags=tags)
    return upsample_batch_to_divisible_size(meta, 4, eos_token_id=2)


def figures(batch: KVBatchMeta) -> dict[str, Any]:
    def compute_metrics(batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int) -> None:
        metrics["training/global_step"] = global_steps

    trainer = SimpleNamespace(_compute_metrics=compute_metrics)
    log_reward_metrics(trainer)
    metrics: dict[str, Any] = {}
    trainer._compute_metrics(batch, metrics, {}, global_steps=5, epoch=0)
    return metrics


if __name__ == "__main__":
    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    try:
        tq.init(OmegaConf.create({"backend": {"SimpleStorage": {"num_data_storage_units": 1}}}))
        batch = make_batch()
        padding = sum(tag.get("is_padding", False) for tag in batch.tags)
        reasons = [each["reason"] for each in read_verdicts(batch)]
        told = {"samples": len(batch.keys), "padding": padding, "reasons": reasons, "metrics": figures(batch)}
        tq.close()
    finally:
        ray.shutdown()
    print(json.dumps(told))
