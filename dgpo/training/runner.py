"""The process that drives a run: verl's, whose trainer also logs the figures of the reward."""

from typing import Any, cast

import ray
import transfer_queue as tq
from transfer_queue import KVBatchMeta
from verl.trainer.main_ppo import TaskRunnerV1

from dgpo.rewards.metrics import reward_metrics


@ray.remote
class TaskRunner(TaskRunnerV1.__ray_actor_class__):  # pyright: ignore[reportAttributeAccessIssue]
    """verl's task runner. Its method that may be replaced is the first to run when the trainer exists."""

    def init_agent_loop_manager(self) -> None:
        super().init_agent_loop_manager()
        log_reward_metrics(self.trainer)


def log_reward_metrics(trainer: Any) -> None:
    """Have ``trainer``, of whatever mode, add `reward_metrics` of each batch to the metrics of the step.

    The names of verl's metrics are fixed in ``PPOTrainer._compute_metrics``, which runs once a step, in every
    mode, on the keys of the samples that were trained on and before they are deleted.
    """
    compute_metrics = trainer._compute_metrics

    def with_reward(batch: KVBatchMeta, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        compute_metrics(batch, metrics, *args, **kwargs)
        metrics.update(reward_metrics(read_verdicts(batch)))

    trainer._compute_metrics = with_reward


def read_verdicts(batch: KVBatchMeta) -> list[dict[str, Any]]:
    """What the reward function returned for each sample of ``batch``; verl's padding samples have none."""
    keys = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
    data = tq.kv_batch_get(keys=keys, partition_id=str(batch.partition_id), select_fields=["extra_fields"])
    # A list of dicts, or of tensordict's wrappers of them: the storage's choice.
    fields = [getattr(each, "data", each) for each in cast(list[Any], data["extra_fields"])]
    return [each.get("reward_extra_info", {}) for each in fields]
