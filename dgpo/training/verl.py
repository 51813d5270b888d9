"""Classes that verl's config names: the process that drives a run, the callback after a save, a replay buffer."""

import logging
import math
import os
from pathlib import Path
from typing import Any, cast

import ray
from transfer_queue import KVBatchMeta
from verl.trainer.main_ppo import TaskRunnerV1
from verl.trainer.ppo.checkpoint_callback import CheckpointCallback
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

from dgpo.advantages.verl import credit_turns, modulate, weigh_prompts
from dgpo.agents.metrics import agent_metrics
from dgpo.batch import split_key
from dgpo.rewards.metrics import reward_metrics
from dgpo.rewards.own import averageable_columns
from dgpo.rollouts.success import COUNTS
from dgpo.rollouts.verl import AllocatingManager, count_successes, read_samples
from dgpo.runs.checkpoints import best_checkpoint, prune, write_manifest
from dgpo.training.keeping import keep_groups
from dgpo.training.stopping import stop_in_time

# verl's own replay buffers poll the rollouts every 2 s (v1/replay_buffer.py, poll_interval, which no config can set);
# the steps of a small model are shorter than that.
POLL_INTERVAL_S = 0.05

log = logging.getLogger(__name__)


@ray.remote
class TaskRunner(TaskRunnerV1.__ray_actor_class__):  # pyright: ignore[reportAttributeAccessIssue]
    """verl's task runner, which hooks onto the trainer in the first method that runs when the trainer exists."""

    def init_agent_loop_manager(self) -> None:
        super().init_agent_loop_manager()
        log_sample_metrics(self.trainer)
        average_what_can_be(self.trainer)
        end_with_epochs(self.trainer)
        stop_in_time(self.trainer)
        agent = self.config.get("agent")
        if agent:  # before the factors, which multiply its advantages
            credit_turns(self.trainer, self.config.credit, agent.max_lost)
        if self.config.get("advantage"):
            modulate(self.trainer, self.config.advantage)
        allocating = isinstance(self.agent_loop_manager, AllocatingManager)
        if allocating:
            count_successes(self.trainer, self.agent_loop_manager)
            if self.agent_loop_manager.settings.weight == "prompts":
                weigh_prompts(self.trainer)
        if allocating or (agent and agent.layout == "turn"):
            fix_updates(self.trainer)
        if count := self.config.run.keep_rollouts:
            keep_groups(self.trainer, count)


def end_with_epochs(trainer: Any) -> None:
    """Make the last step of the epochs the last of the run, so that verl saves and validates it.

    verl ends its loop with the epochs, but regards only ``total_training_steps`` as the last step.
    """
    of_epochs = trainer.steps_per_epoch * trainer.config.trainer.total_epochs
    trainer.total_training_steps = min(trainer.total_training_steps, of_epochs)


def log_sample_metrics(trainer: Any) -> None:
    """Have ``trainer``, of whatever mode, add `reward_metrics` and `agent_metrics` of each batch to those of the step.

    The names of verl's metrics are fixed in ``PPOTrainer._compute_metrics``, which runs once a step, in every
    mode, on the keys of the samples that were trained on and before they are deleted.
    """
    compute_metrics = trainer._compute_metrics

    def with_samples(batch: KVBatchMeta, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        compute_metrics(batch, metrics, *args, **kwargs)
        if trainer.config.get("agent"):
            samples = read_samples(batch, "data_source", "extra_fields")
            # All rows of a session have the same extra fields.
            sessions = {split_key(key)[:2]: sample for key, sample in samples}.values()
            metrics.update(agent_metrics([(each["data_source"], each["extra_fields"]) for each in sessions]))
        else:
            metrics.update(reward_metrics(read_verdicts(batch)))

    trainer._compute_metrics = with_samples


def average_what_can_be(trainer: Any) -> None:
    """Make ``trainer`` leave columns that cannot be averaged out of a validation's means."""
    update = trainer._val_metrics_update
    reported = set[str]()

    def with_averaged(sources: Any, uids: Any, columns: dict[str, list[Any]], *args: Any, **kwargs: Any) -> Any:
        averageable, warnings = averageable_columns(columns)
        for what in warnings:
            if what not in reported:
                log.warning("reward.custom_reward_function: %s; return the same keys for every answer", what)
        reported.update(warnings)
        return update(sources, uids, averageable, *args, **kwargs)

    trainer._val_metrics_update = with_averaged


def read_verdicts(batch: KVBatchMeta) -> list[dict[str, Any]]:
    """What the reward function returned for each sample of ``batch``; verl's padding samples have none."""
    return [sample["extra_fields"].get("reward_extra_info", {}) for _, sample in read_samples(batch, "extra_fields")]


def fix_updates(trainer: Any) -> None:
    """Make ``trainer`` take train_batch_size / ppo_mini_batch_size updates a batch, whatever its number of rows.

    verl fills a batch up to whole mini-batches of ppo_mini_batch_size · rollout.n rows
    (``_get_required_batch_multiple``), and takes as many updates as these are (``_update_actor``). Where the rows of a
    batch are not those, the last update would have a few rows and much padding. Here each update takes its share of
    the rows, and padding is what ranks and micro-batches need to divide.
    """
    config = trainer.config
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    # In separate_async a batch is one mini-batch.
    updates = config.data.train_batch_size // (trainer.parameter_sync_step * actor.ppo_mini_batch_size)
    share = updates
    if not actor.use_dynamic_bsz:
        inference = [part.log_prob_micro_batch_size_per_gpu for part in (rollout, config.actor_rollout_ref.ref)]
        share = math.lcm(updates * actor.ppo_micro_batch_size_per_gpu, *filter(None, inference))
    workers = trainer.actor_rollout_wg
    update_actor = workers.update_actor

    def required_multiple(ranks: int) -> int:
        return ranks * share

    def update_with_share(batch: KVBatchMeta) -> Any:
        size = len(batch) // updates
        cast(dict, batch.extra_info).update(mini_batch_size=size, global_batch_size=size)
        return update_actor(batch)

    trainer._get_required_batch_multiple = required_multiple
    workers.update_actor = update_with_share


class CompletionCallback(CheckpointCallback):
    """Writes the manifest after a save, and then prunes (``trainer.checkpoint_callback_class``).

    So a complete checkpoint exists at every moment.
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
        if isinstance(trainer.agent_loop_manager, AllocatingManager):
            trainer.agent_loop_manager.counts.save(path / COUNTS)
        keep = trainer.config.run.keep_checkpoints
        write_manifest(path, step=global_step, wandb_id=os.environ.get("WANDB_RUN_ID"))
        best = None
        if trainer.config.run.keep_best:
            # The environment has the absolute path; that of the config may be relative to another process.
            best = best_checkpoint(os.environ.get("DGPO_RUN_DIR") or trainer.config.run.dir, path.parent)
        for checkpoint in prune(path.parent, keep, also=[global_step, *([best.checkpoint.step] if best else [])]):
            log.info("deleted checkpoint %s", checkpoint.path)


def fast_polling(trainer_mode: str, **kwargs: Any) -> ReplayBuffer:
    """verl's replay buffer for ``trainer_mode`` at 20 polls a second, for ``trainer.v1.sampler.custom_sampler``.

    A poll reads tags only.

    The asynchronous trainers need verl's asynchronous one: it drops or awaits what has become too old.
    """
    buffer = ReplayBuffer if trainer_mode == "sync" else ReplayBufferAsync
    return buffer(trainer_mode=trainer_mode, poll_interval=POLL_INTERVAL_S, **kwargs)
