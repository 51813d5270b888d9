"""What the reward and its metrics rely on in verl."""

import inspect

from verl.trainer.ppo.v1 import trainer_base
from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY, PPOTrainer


def test_every_trainer_computes_its_metrics_once_a_step_before_the_samples_are_deleted() -> None:
    arguments = ["self", "batch", "metrics", "timing_raw", "global_steps", "epoch"]
    assert list(inspect.signature(PPOTrainer._compute_metrics).parameters) == arguments
    source = inspect.getsource(PPOTrainer.fit)
    assert source.count("self._compute_metrics(batch, metrics") == 1
    computed, deleted, logged = map(
        source.index, ("self._compute_metrics(", "tq.kv_clear(", "self.logger.log(data=metrics")
    )
    assert computed < deleted < logged
    for trainer in TRAINER_REGISTRY.values():
        assert trainer._compute_metrics is PPOTrainer._compute_metrics and trainer.fit is PPOTrainer.fit


def test_what_the_reward_function_returns_lies_with_the_sample() -> None:
    from verl.experimental.agent_loop.agent_loop import AgentLoopOutput, AgentLoopWorker

    source = inspect.getsource(AgentLoopWorker._compute_score)
    assert 'final_output.extra_fields["reward_extra_info"] = result["reward_extra_info"]' in source
    assert "extra_fields" in AgentLoopOutput.model_fields
    # verl's own group filter reads it as we do.
    assert '"extra_fields"' in inspect.getsource(trainer_base.ReplayBuffer._dapo_filtered_keys)


def test_padding_samples_are_marked() -> None:
    assert 'tag.get("is_padding", False)' in inspect.getsource(PPOTrainer._compute_metrics)


def test_the_task_runner_can_be_replaced_and_its_manager_is_made_between_init_and_fit() -> None:
    from verl.trainer.main_ppo import TaskRunnerV1

    from dgpo.training.verl import TaskRunner

    original = TaskRunnerV1.__ray_actor_class__
    assert issubclass(TaskRunner.__ray_actor_class__, original)
    source = inspect.getsource(original.run)
    made, managed, fitted = map(
        source.index, ("self.trainer.init()", "self.init_agent_loop_manager()", "self.trainer.fit(")
    )
    assert made < managed < fitted


def test_the_naive_manager_hands_over_extra_info_and_keeps_every_key() -> None:
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    source = inspect.getsource(NaiveRewardManager.run_single)
    assert "extra_info=extra_info" in source and "reward_extra_info[key] = value" in source
    # The tokens that it decodes are those that we count.
    assert 'data_item.batch["attention_mask"][-response_length:].sum()' in source
