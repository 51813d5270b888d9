"""What dgpo relies on in verl, one test each. A failure here after an upgrade says what changed."""

import inspect

import pytest
from omegaconf import OmegaConf

from dgpo.config.compose import compose_config


@pytest.fixture(scope="module")
def config():
    return compose_config("quickstart")


def test_the_loss_is_called_by_keyword_with_these_arguments() -> None:
    from verl.workers.utils import losses

    source = inspect.getsource(losses.ppo_loss)
    for argument in ("old_log_prob", "log_prob", "advantages", "response_mask", "loss_agg_mode", "config"):
        assert f"{argument}={argument}," in source
    assert "rollout_is_weights=rollout_is_weights" in source
    assert "get_policy_loss_fn(loss_mode)" in source


def test_the_loss_that_keeps_groups_can_take_the_place_of_verl_s() -> None:
    from verl.workers import engine_workers
    from verl.workers.engine.fsdp import transformer_impl

    source = inspect.getsource(engine_workers)
    assert "self.loss_fn = partial(ppo_loss, config=actor_config)" in source
    assert "self.actor.set_loss_fn(loss_fn=loss_fn)" in source
    assert "update_lr_scheduler=batch_idx == total_num_iterations - 1" in source
    call = "loss_function(\n                    model_output=model_output, data=micro_batch, dp_group="
    assert call in inspect.getsource(transformer_impl)


def test_global_batch_info_carries_what_agg_loss_takes() -> None:
    from verl.trainer.ppo.core_algos import agg_loss
    from verl.workers.utils import losses

    source = inspect.getsource(losses.ppo_loss)
    for key in ("dp_size", "batch_num_tokens", "global_batch_size", "loss_scale_factor"):
        assert f'global_batch_info["{key}"]' in source
        assert key in inspect.signature(agg_loss).parameters


def test_a_step_is_saved_before_its_end_and_the_loop_looks_at_the_number_of_steps() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    source = inspect.getsource(PPOTrainer.fit)
    loop = source.index("self.global_steps <= self.total_training_steps:")
    places = [source.index(text, loop) for text in ("self.on_step_begin()", "self._save_checkpoint()", "on_step_end()")]
    assert places == sorted(places)


def test_updates_are_drawn_by_shuffle_and_its_seed() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer
    from verl.workers.engine_workers import TrainingWorker

    update = inspect.getsource(PPOTrainer._update_actor)
    assert '"dataloader_kwargs": {"shuffle": self.config.actor_rollout_ref.actor.shuffle}' in update
    assert '"seed": self.config.actor_rollout_ref.actor.data_loader_seed' in update
    assert "seed=seed + self.engine.get_data_parallel_rank()" in inspect.getsource(TrainingWorker.train_mini_batch)


def test_policy_loss_configs_are_instantiated_from_target(config) -> None:
    from verl.utils.config import omega_conf_to_dataclass

    from dgpo.losses import METHODS

    section = OmegaConf.create(OmegaConf.to_container(config.actor_rollout_ref.actor.policy_loss, resolve=True))
    made = omega_conf_to_dataclass(section)
    assert made.method is METHODS["dgpo"]


def test_an_unknown_policy_loss_key_is_refused(config) -> None:
    from hydra.errors import InstantiationException
    from verl.utils.config import omega_conf_to_dataclass

    section = OmegaConf.to_container(config.actor_rollout_ref.actor.policy_loss, resolve=True)
    with pytest.raises(InstantiationException, match="beta7"):
        omega_conf_to_dataclass(OmegaConf.create({**section, "beta7": 1.0}))


def test_a_custom_sampler_gets_these_arguments() -> None:
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    from dgpo.training.verl import POLL_INTERVAL_S, fast_polling

    assert "poll_interval" in inspect.signature(ReplayBuffer.__init__).parameters
    source = inspect.getsource(PPOTrainer._build_replay_buffer)
    assert "load_extern_type(custom_sampler.path, custom_sampler.name)" in source
    for mode, kind in {"sync": ReplayBuffer, "colocate_async": ReplayBufferAsync}.items():
        made = fast_polling(
            trainer_mode=mode,
            trainer_config=OmegaConf.create({}),
            max_off_policy_threshold=8,
            max_off_policy_strategy="drop",
            sampler_kwargs=OmegaConf.create({}),
            refill_fn=None,
        )
        assert type(made) is kind and made.poll_interval == POLL_INTERVAL_S


def test_the_checkpoint_callback_is_called_after_the_save() -> None:
    from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    from dgpo.training.verl import CompletionCallback

    trainer = {"checkpoint_callback_class": "dgpo.training.verl.CompletionCallback"}
    made = build_checkpoint_callback(OmegaConf.create({"trainer": trainer}))
    assert isinstance(made, CompletionCallback)
    source = inspect.getsource(PPOTrainer._save_checkpoint)
    assert source.index("data.pt") < source.index("latest_checkpointed_iteration.txt") < source.rindex("on_save")


def test_resume_path_takes_the_folder_we_choose() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    source = inspect.getsource(PPOTrainer._load_checkpoint)
    assert '"resume_path"' in source and "resume_from_path" in source and '"disable"' in source


def test_trackers_read_their_places_from_the_environment() -> None:
    from verl.utils import tracking

    source = inspect.getsource(tracking)
    for variable in ("VERL_FILE_LOGGER_PATH", "TENSORBOARD_DIR"):
        assert variable in source
    assert "wandb.init(project=project_name, name=experiment_name" in source


def test_the_file_tracker_empties_its_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from verl.utils.tracking import FileLogger

    file = tmp_path / "m.jsonl"
    file.write_text("earlier\n")
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(file))
    logger = FileLogger("project", "run")
    logger.log({"a": 1.0}, step=3)
    logger.finish()
    # Which is why each launch gets a file of its own.
    assert file.read_text() == '{"step":3,"data":{"a":1.0}}\n'


def test_vllm_engine_arguments_can_be_set_and_come_last(config) -> None:
    from verl.workers.rollout.vllm_rollout.vllm_async_server import vLLMHttpServer

    source = inspect.getsource(vLLMHttpServer.launch_server)
    assert source.index('"worker_extension_cls"') < source.index("**engine_kwargs")
    assert "engine_kwargs" in config.actor_rollout_ref.rollout


def test_external_lib_is_imported_before_the_process_group_is_made() -> None:
    from verl.workers.config.model import HFModelConfig
    from verl.workers.engine_workers import ActorRolloutRefWorker

    assert "import_external_libs(self.external_lib)" in inspect.getsource(HFModelConfig.__post_init__)
    source = inspect.getsource(ActorRolloutRefWorker.init_model)
    assert source.index("omega_conf_to_dataclass(self.config.model)") < source.index("self.actor_worker_cls(")


def test_validation_dumps_carry_what_the_report_reads() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    source = inspect.getsource(PPOTrainer._validate)
    assert '{"uid": dump_all_keys}' in source and "validation_data_dir" in source


def test_the_driver_takes_a_task_runner() -> None:
    from verl.trainer import main_ppo

    assert list(inspect.signature(main_ppo.run_ppo).parameters) == ["config", "task_runner_class"]
    assert hasattr(main_ppo, "TaskRunnerV1")


def test_a_manager_of_agent_loops_may_say_how_many_answers_each_prompt_gets() -> None:
    from verl.trainer.main_ppo import TaskRunnerV1
    from verl.trainer.ppo.v1 import agent_loop_tq
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    runner = TaskRunnerV1.__ray_actor_class__  # pyright: ignore[reportAttributeAccessIssue]
    assert '.get("agent_loop_manager_class")' in inspect.getsource(runner.init_agent_loop_manager)
    worker = inspect.getsource(agent_loop_tq)
    assert 'prompt.pop("__rollout_n__", config.n' in worker and "field.update(kwargs)" in worker
    assert list(inspect.signature(agent_loop_tq.AgentLoopManagerTQ.generate_sequences).parameters) == [
        "self",
        "prompts",
    ]
    # The batch of a step comes whole, a validation's with this mark.
    assert "self.agent_loop_manager.generate_sequences(batch)" in inspect.getsource(PPOTrainer._submit_batch_to_rollout)
    assert 'assign_non_tensor_data(batch, "validate", True)' in inspect.getsource(PPOTrainer._validate)


def test_advantages_come_after_what_their_factors_read_and_before_the_save() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    assert list(inspect.signature(PPOTrainer._compute_advantage).parameters) == ["self", "batch", "metrics"]
    step, fit = inspect.getsource(PPOTrainer._step_once), inspect.getsource(PPOTrainer.fit)
    assert step.index("_compute_old_log_prob(") < step.index("_compute_advantage(") < step.index("_update_actor(")
    assert fit.index("self.step(") < fit.index("self._save_checkpoint()")
    assert 'select("old_log_probs", "entropy")' in inspect.getsource(PPOTrainer._compute_old_log_prob)
    assert 'fields = ["advantages", "returns"]' in inspect.getsource(PPOTrainer._compute_advantage)


def test_the_trainer_sizes_its_updates_by_what_we_replace() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    assert "self._get_required_batch_multiple(dp_size)" in inspect.getsource(PPOTrainer._balance_batch)
    update = inspect.getsource(PPOTrainer._update_actor)
    assert update.index('"global_batch_size"') < update.index("self.actor_rollout_wg.update_actor(batch)")
    assert '"mini_batch_size"' in update
