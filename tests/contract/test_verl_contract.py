"""What dgpo relies on in verl, a row or a test each. A failure here after an upgrade says what changed."""

import inspect
from pkgutil import resolve_name

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY, PPOTrainer

TRAINER = "verl.trainer.ppo.v1.trainer_base:PPOTrainer"
RUNNER = "verl.trainer.main_ppo:TaskRunnerV1.__ray_actor_class__"
LOSSES = "verl.workers.utils.losses:ppo_loss"

# What we rely on: where it is, and the pieces of its source in their order.
SOURCE = {
    "the loss is chosen by its name and called by keyword": (
        LOSSES,
        *("get_policy_loss_fn(loss_mode)", "old_log_prob=old_log_prob,", "log_prob=log_prob,"),
        *("advantages=advantages,", "response_mask=response_mask,", "loss_agg_mode=loss_agg_mode,", "config=config,"),
        "rollout_is_weights=rollout_is_weights",
    ),
    "global_batch_info carries what agg_loss takes": (
        LOSSES,
        *(f'global_batch_info["{key}"]' for key in ("dp_size", "batch_num_tokens", "global_batch_size")),
        'global_batch_info["loss_scale_factor"]',
    ),
    "the loss that keeps groups can take the place of verl's": (
        "verl.workers.engine_workers",
        "update_lr_scheduler=batch_idx == total_num_iterations - 1",
        *("self.actor.set_loss_fn(loss_fn=loss_fn)", "self.loss_fn = partial(ppo_loss, config=actor_config)"),
    ),
    "that loss gets the model's output and the micro-batch": (
        "verl.workers.engine.fsdp.transformer_impl",
        "loss_function(\n                    model_output=model_output, data=micro_batch, dp_group=",
    ),
    "a step is counted, computes its metrics once, and is saved before its end": (
        f"{TRAINER}.fit",
        *("self.global_steps <= self.total_training_steps:", "self.on_step_begin()", "self.step("),
        *("self._save_checkpoint()", "on_step_end()", "self._compute_metrics(batch, metrics", "tq.kv_clear("),
        "self.logger.log(data=metrics",
    ),
    "advantages come after what their factors read": (
        f"{TRAINER}._step_once",
        *("_compute_old_log_prob(", "_compute_advantage(", "_update_actor("),
    ),
    "the entropy lies with the old log-probs": (
        f"{TRAINER}._compute_old_log_prob",
        'select("old_log_probs", "entropy")',
    ),
    "advantages are written with the returns": (
        f"{TRAINER}._compute_advantage",
        'fields = ["advantages", "returns"]',
    ),
    "updates are drawn by shuffle and its seed, and sized by what we replace": (
        f"{TRAINER}._update_actor",
        *('"global_batch_size"', '"mini_batch_size"'),
        '"seed": self.config.actor_rollout_ref.actor.data_loader_seed',
        '"dataloader_kwargs": {"shuffle": self.config.actor_rollout_ref.actor.shuffle}',
        "self.actor_rollout_wg.update_actor(batch)",
    ),
    "each rank draws by a seed of its own": (
        "verl.workers.engine_workers:TrainingWorker.train_mini_batch",
        "seed=seed + self.engine.get_data_parallel_rank()",
    ),
    "a batch is balanced to a multiple that we replace": (
        f"{TRAINER}._balance_batch",
        "self._get_required_batch_multiple(dp_size)",
    ),
    "a sampler may be ours": (
        f"{TRAINER}._build_replay_buffer",
        "load_extern_type(custom_sampler.path, custom_sampler.name)",
    ),
    "the checkpoint callback is called after the save": (
        f"{TRAINER}._save_checkpoint",
        *("data.pt", "latest_checkpointed_iteration.txt", "on_save"),
    ),
    "resume_path takes the folder we choose": (
        f"{TRAINER}._load_checkpoint",
        *('"disable"', '"resume_path"', "resume_from_path"),
    ),
    "validation dumps carry what the report reads, and a validation's batch its mark": (
        f"{TRAINER}._validate",
        *('assign_non_tensor_data(batch, "validate", True)', "validation_data_dir", '{"uid": dump_all_keys}'),
    ),
    "the batch of a step comes whole": (
        f"{TRAINER}._submit_batch_to_rollout",
        "self.agent_loop_manager.generate_sequences(batch)",
    ),
    "padding samples are marked": (f"{TRAINER}._compute_metrics", 'tag.get("is_padding", False)'),
    "trackers read their places from the environment": (
        "verl.utils.tracking",
        *("wandb.init(project=project_name, name=experiment_name", "VERL_FILE_LOGGER_PATH", "TENSORBOARD_DIR"),
    ),
    "vLLM's engine arguments can be set and come last": (
        "verl.workers.rollout.vllm_rollout.vllm_async_server:vLLMHttpServer.launch_server",
        *('"worker_extension_cls"', "**engine_kwargs"),
    ),
    "external_lib is imported with the model's config": (
        "verl.workers.config.model:HFModelConfig.__post_init__",
        "import_external_libs(self.external_lib)",
    ),
    "that config is made before the process group": (
        "verl.workers.engine_workers:ActorRolloutRefWorker.init_model",
        *("omega_conf_to_dataclass(self.config.model)", "self.actor_worker_cls("),
    ),
    "the manager of agent loops is made between init and fit": (
        f"{RUNNER}.run",
        *("self.trainer.init()", "self.init_agent_loop_manager()", "self.trainer.fit("),
    ),
    "a manager of agent loops may be ours": (f"{RUNNER}.init_agent_loop_manager", '.get("agent_loop_manager_class")'),
    "it may say how many answers each prompt gets": (
        "verl.trainer.ppo.v1.agent_loop_tq",
        *('prompt.pop("__rollout_n__", config.n', "field.update(kwargs)"),
    ),
    "what the reward function returns lies with the sample": (
        "verl.experimental.agent_loop.agent_loop:AgentLoopWorker._compute_score",
        'final_output.extra_fields["reward_extra_info"] = result["reward_extra_info"]',
    ),
    "verl's own group filter reads it there too": (
        "verl.trainer.ppo.v1.trainer_base:ReplayBuffer._dapo_filtered_keys",
        '"extra_fields"',
    ),
    "the naive manager decodes the tokens that we count, hands over extra_info and keeps every key": (
        "verl.experimental.reward_loop.reward_manager.naive:NaiveRewardManager.run_single",
        'data_item.batch["attention_mask"][-response_length:].sum()',
        *("extra_info=extra_info", "reward_extra_info[key] = value"),
    ),
}


@pytest.mark.parametrize("what", SOURCE)
def test_verl_is_written_so_that(what: str) -> None:
    name, *pieces = SOURCE[what]
    source, place = inspect.getsource(resolve_name(name)), 0
    for piece in pieces:
        place = source.find(piece, place)
        assert place >= 0, f"{name} has {piece!r} no more, or earlier"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (f"{TRAINER}._compute_metrics", ["self", "batch", "metrics", "timing_raw", "global_steps", "epoch"]),
        (f"{TRAINER}._compute_advantage", ["self", "batch", "metrics"]),
        ("verl.trainer.ppo.v1.agent_loop_tq:AgentLoopManagerTQ.generate_sequences", ["self", "prompts"]),
        ("verl.trainer.main_ppo:run_ppo", ["config", "task_runner_class"]),
    ],
)
def test_what_we_call_or_replace_takes(name: str, arguments: list[str]) -> None:
    assert list(inspect.signature(resolve_name(name)).parameters) == arguments


def test_every_trainer_has_the_loop_and_the_metrics_of_the_base() -> None:
    assert inspect.getsource(PPOTrainer.fit).count("self._compute_metrics(batch, metrics") == 1
    for trainer in TRAINER_REGISTRY.values():
        assert trainer._compute_metrics is PPOTrainer._compute_metrics and trainer.fit is PPOTrainer.fit


def test_a_custom_sampler_gets_these_arguments() -> None:
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

    from dgpo.training.verl import POLL_INTERVAL_S, fast_polling

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


def test_the_checkpoint_callback_is_made_of_its_name() -> None:
    from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback

    from dgpo.training.verl import CompletionCallback

    trainer = {"checkpoint_callback_class": "dgpo.training.verl.CompletionCallback"}
    assert isinstance(build_checkpoint_callback(OmegaConf.create({"trainer": trainer})), CompletionCallback)


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
