"""What verl's trainer takes from us by name: the process that drives a run, what follows a save, a replay buffer."""

import logging
import os
from pathlib import Path
from typing import Any, cast

import ray
import transfer_queue as tq
from transfer_queue import KVBatchMeta
from verl.trainer.main_ppo import TaskRunnerV1
from verl.trainer.ppo.checkpoint_callback import CheckpointCallback
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

from dgpo.rewards.metrics import reward_metrics
from dgpo.runs.checkpoints import best_checkpoint, prune, write_manifest
from dgpo.training.stopping import stop_in_time

# verl's own replay buffers ask every 2 s whether the rollouts are done (v1/replay_buffer.py, poll_interval, not to be
# set from a config), which a small model's steps are shorter than.
POLL_INTERVAL_S = 0.05

log = logging.getLogger(__name__)


@ray.remote
class TaskRunner(TaskRunnerV1.__ray_actor_class__):  # pyright: ignore[reportAttributeAccessIssue]
    """verl's task runner. Its method that may be replaced is the first to run when the trainer exists."""

    def init_agent_loop_manager(self) -> None:
        super().init_agent_loop_manager()
        log_reward_metrics(self.trainer)
        stop_in_time(self.trainer)


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


class CompletionCallback(CheckpointCallback):
    """What follows a save (``trainer.checkpoint_callback_class``): the manifest, and then pruning.

    So a whole checkpoint exists at every moment.
    """

    def on_save(
        self, trainer: Any, global_step: int, checkpoint_dir: str, async_save: bool = False, **kwargs: Any
    ) -> None:
        if async_save:
            raise ValueError(
                "actor_rollout_ref.actor.checkpoint.async_save=True: a checkpoint still being written cannot be "
                "declared complete; set it to False"
            )
        path = Path(checkpoint_dir)
        keep = trainer.config.run.keep_checkpoints
        write_manifest(path, step=global_step, wandb_id=os.environ.get("WANDB_RUN_ID"))
        best = None
        if trainer.config.run.keep_best:
            # The environment has the folder in full; the config may have it relative to another process.
            best = best_checkpoint(os.environ.get("DGPO_RUN_DIR") or trainer.config.run.dir, path.parent)
        for checkpoint in prune(path.parent, keep, also=[global_step, *([best[0].step] if best else [])]):
            log.info("deleted checkpoint %s", checkpoint.path)


def fast_polling(trainer_mode: str, **kwargs: Any) -> ReplayBuffer:
    """verl's replay buffer for ``trainer_mode`` at 20 polls a second, for ``trainer.v1.sampler.custom_sampler``.

    A poll reads tags only.

    The asynchronous trainers need verl's asynchronous one: it drops or awaits what has become too old.
    """
    buffer = ReplayBuffer if trainer_mode == "sync" else ReplayBufferAsync
    return buffer(trainer_mode=trainer_mode, poll_interval=POLL_INTERVAL_S, **kwargs)
