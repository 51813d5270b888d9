"""Keys that others know an option by, and what to write here instead."""

# Sections that verl had before `reward`; nothing reads them.
BEFORE_REWARD = ("custom_reward_function", "reward_model", "sandbox_fusion")

# What verl has beside the options that a run with FSDP reads: left-overs of its older layout, and what others
# than FSDP read. Set, they change nothing. Key: its replacement, or "".
UNREAD = {
    "custom_reward_function.path": "reward.custom_reward_function.path",
    "custom_reward_function.name": "reward.custom_reward_function.name",
    "reward_model.enable": "reward.reward_model.enable",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.use_reward_loop": "reward",
    **{
        f"reward_model.{section}.{name}": f"reward.custom_reward_function.reward_kwargs.overlong_{new}"
        for section in ("overlong_buffer", "reward_kwargs.overlong_buffer_cfg")
        for name, new in {"enable": "buffer", "len": "buffer", "penalty_factor": "weight"}.items()
    },
    "sandbox_fusion.url": "reward.sandbox_fusion.url",
    "actor_rollout_ref.actor.grad_clip": "actor_rollout_ref.actor.optim.clip_grad",
    "actor_rollout_ref.actor.use_torch_compile": "actor_rollout_ref.actor.fsdp_config.use_torch_compile",
    "actor_rollout_ref.rollout.do_sample": "actor_rollout_ref.rollout.temperature",
    "actor_rollout_ref.nccl_timeout": "",
    "data.reward_fn_key": "",
    "trainer.balance_batch": "",
    "trainer.default_hdfs_dir": "run.dir",
    "actor_rollout_ref.model.lora.rank": "actor_rollout_ref.model.lora_rank",
    "actor_rollout_ref.model.lora.alpha": "actor_rollout_ref.model.lora_alpha",
    "actor_rollout_ref.model.lora.target_modules": "actor_rollout_ref.model.target_modules",
    "actor_rollout_ref.model.lora.exclude_modules": "actor_rollout_ref.model.exclude_modules",
    "actor_rollout_ref.model.lora.adapter_path": "actor_rollout_ref.model.lora_adapter_path",
    "actor_rollout_ref.model.lora.dropout": "",
}

# Keys of the authors' release (a fork of an older verl), and of ours, by the last part of the key. Value: what to
# write instead.
AUTHORS = {
    "ratio_mode": "policy_loss=dgpo|grpo|cispo|gppo|ce_gppo|aspo|maspo",
    "dgpo_n": "actor_rollout_ref.actor.policy_loss.n",
    "dgpo_m": "actor_rollout_ref.actor.policy_loss.m",
    "gppo_loss_beta1": "actor_rollout_ref.actor.policy_loss.beta1",
    "gppo_loss_beta2": "actor_rollout_ref.actor.policy_loss.beta2",
    "maspo_sigma_base": "actor_rollout_ref.actor.policy_loss.sigma_base",
    "maspo_alpha": "actor_rollout_ref.actor.policy_loss.alpha",
    "maspo_beta": "actor_rollout_ref.actor.policy_loss.beta",
    "maspo_beta_pos": "actor_rollout_ref.actor.policy_loss.beta",
    "maspo_beta_neg": "actor_rollout_ref.actor.policy_loss.beta",
    "ratio_clip": "policy_loss=<method>",
    "token_sample": "run.keep_rollouts",
}


# Options of TRL, OpenRLHF and the like, by the last part of the key.
OTHERS = {
    name: key
    for key, names in {
        "actor_rollout_ref.model.path": "model_name_or_path pretrain",
        "actor_rollout_ref.rollout.n": "num_generations n_samples_per_prompt",
        "actor_rollout_ref.actor.optim.lr": "learning_rate actor_learning_rate",
        "actor_rollout_ref.actor.optim.clip_grad": "max_grad_norm",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": "per_device_train_batch_size micro_train_batch_size",
        "actor_rollout_ref.actor.kl_loss_coef": "beta init_kl_coef",
        "actor_rollout_ref.actor.clip_ratio_low": "epsilon eps_clip",
        "actor_rollout_ref.actor.clip_ratio_high": "epsilon_high",
        "actor_rollout_ref.actor.optim.lr_warmup_steps_ratio": "warmup_ratio lr_warmup_ratio",
        "actor_rollout_ref.rollout.gpu_memory_utilization": "vllm_gpu_memory_utilization",
        "actor_rollout_ref.rollout.tensor_model_parallel_size": "vllm_tensor_parallel_size",
        "algorithm.adv_estimator": "advantage_estimator",
        "algorithm.filter_groups.enable": "dynamic_filtering",
        "data.train_files": "dataset_name dataset dataset_path prompt_data",
        "data.val_files": "eval_dataset",
        "data.max_prompt_length": "prompt_max_len",
        "data.prompt_key": "input_key",
        "reward.custom_reward_function.path": "reward_funcs remote_rm_url",
        "trainer.project_name": "wandb_project",
        "data.train_batch_size": "rollout_batch_size",
        "data.max_response_length": "max_completion_length generate_max_len",
        "trainer.total_epochs": "num_train_epochs",
        "trainer.total_training_steps": "max_steps",
        "trainer.save_freq": "save_steps",
        "trainer.test_freq": "eval_steps",
        "trainer.logger": "report_to",
        "run.dir": "output_dir",
        "run.name": "run_name",
    }.items()
    for name in names.split()
}


def replacement(override: str) -> str | None:
    """What to write instead of an override in the authors' keys, verl's old ones or ours; None for others."""
    key, _, value = override.lstrip("+~").partition("=")
    if key == "policy_loss@actor_rollout_ref.actor.policy_loss":
        return f"policy_loss={value}"
    if key in UNREAD:
        return UNREAD[key]
    return AUTHORS.get(key.rsplit(".", 1)[-1]) if "policy_loss" in key else None
