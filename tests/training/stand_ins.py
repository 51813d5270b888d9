"""Stand-ins for what verl runs on GPUs or in other processes, around a real TransferQueue: `one_batch.py` uses them."""

from types import SimpleNamespace
from typing import Any

import ray
import torch
import transfer_queue as tq
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils as tu

from dgpo.advantages.dynamo import modulation
from dgpo.config.compose import compose_config, resolved
from dgpo.rollouts.verl import AllocatingManager

# Six answers to each prompt on average, three updates of two prompts.
OVERRIDES = ["rollouts=dynamo", "data.train_batch_size=6", "actor_rollout_ref.rollout.n=6", "rollouts.low=2"]
OVERRIDES += ["actor_rollout_ref.model.path=none", "rollouts.high=14"]
TRUTHS = ["easy", "hard", "coin", "easy", "hard", "coin"]


def config_of(*overrides: str) -> Any:
    return resolved(compose_config("quickstart", [*OVERRIDES, *overrides]))


def verdict(reason: str) -> dict[str, Any]:
    acc = float(reason == "match")
    return {"acc": acc, "reason": reason, "stage": "string", "seconds": "0.1"}


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


def batch_of(config: Any, step: int, lost: int = 5) -> KVBatchMeta:
    """Samples of a first step, uniform but for the last prompt, which has ``lost`` some of its six."""
    manager = manager_of(config)
    submit(manager, step)
    whole = manager.agent_loop_workers[0].answered
    kept = len(whole.keys) - lost
    return KVBatchMeta(partition_id="train", keys=whole.keys[:kept], tags=whole.tags[:kept])
