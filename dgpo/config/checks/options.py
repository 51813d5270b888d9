"""Options that verl accepts and ignores, that cancel each other, or that have no effect in this configuration."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding, finding_from_error
from dgpo.config.checks.kinds import defaults
from dgpo.config.checks.reward import OURS
from dgpo.config.compose import flat
from dgpo.config.memory.setup import ACTOR, ENGINE, MODEL, ROLLOUT
from dgpo.config.renamed_keys import BEFORE_REWARD, UNREAD
from dgpo.errors import UserError
from dgpo.files import flatten
from dgpo.progress import seconds_of

FILTER, CORRECTION = "algorithm.filter_groups", "algorithm.rollout_correction"
KL_LOSS, KL_REWARD, RESUME = f"{ACTOR}.use_kl_loss", "algorithm.use_kl_in_reward", "trainer.resume_mode"
DYNAMIC, OPTIM = f"{ACTOR}.use_dynamic_bsz", f"{ACTOR}.optim"
RANK = f"{MODEL}.lora_rank"
# Estimators, verl's and ours for agents (`credit.gamma`), that discount nothing by algorithm.gamma.
UNDISCOUNTED = {"gdpo", "gpg", "grpo", "grpo_passk", "grpo_vectorized", "opo", "reinforce_plus_plus_baseline", "remax"}
UNDISCOUNTED |= {"rloo", "rloo_vectorized", "turns"}
# What does nothing while its switch is off: its switch, whether a value of that turns it on, and one that does.
SWITCHED: dict[str, tuple[str, Callable[[Any], bool], str]] = {
    f"{ACTOR}.kl_loss_coef": (KL_LOSS, bool, "true"),
    f"{ACTOR}.kl_loss_type": (KL_LOSS, bool, "true"),
    f"{ACTOR}.ppo_micro_batch_size": (DYNAMIC, operator.not_, "false"),
    f"{ACTOR}.ppo_micro_batch_size_per_gpu": (DYNAMIC, operator.not_, "false"),
    f"{ROLLOUT}.log_prob_micro_batch_size": (f"{ROLLOUT}.log_prob_use_dynamic_bsz", operator.not_, "false"),
    f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu": (f"{ROLLOUT}.log_prob_use_dynamic_bsz", operator.not_, "false"),
    f"{OPTIM}.lr_warmup_steps_ratio": (f"{OPTIM}.lr_warmup_steps", lambda steps: steps <= 0, "-1"),
    f"{OPTIM}.min_lr_ratio": (f"{OPTIM}.lr_scheduler_type", lambda schedule: schedule == "cosine", "cosine"),
    f"{CORRECTION}.rollout_is_threshold": (f"{CORRECTION}.rollout_is", bool, "token"),
    f"{MODEL}.lora_alpha": (RANK, bool, "32"),
    f"{MODEL}.target_modules": (RANK, bool, "32"),
    f"{MODEL}.exclude_modules": (RANK, bool, "32"),
    f"{MODEL}.lora_adapter_path": (RANK, bool, "32"),
    f"{MODEL}.lora.merge": (RANK, bool, "32"),
    f"{ACTOR}.checkpoint.save_lora_only": (RANK, bool, "32"),
    "algorithm.kl_ctrl.kl_coef": (KL_REWARD, bool, "true"),
    "algorithm.kl_ctrl.type": (KL_REWARD, bool, "true"),
    "algorithm.kl_penalty": (KL_REWARD, bool, "true"),
    "algorithm.gamma": ("algorithm.adv_estimator", lambda name: name not in UNDISCOUNTED, "gae"),
    "algorithm.lam": ("algorithm.adv_estimator", lambda name: name not in UNDISCOUNTED, "gae"),
    "trainer.resume_from_path": (RESUME, lambda mode: mode == "resume_path", "resume_path"),
}
# Numbers beyond which a digit or the sign of an exponent is lost more often than one is meant.
USUAL = {
    f"{OPTIM}.lr": (1e-9, 5e-3),
    f"{OPTIM}.weight_decay": (0, 1),
    f"{OPTIM}.clip_grad": (1e-3, 100),
    f"{ACTOR}.entropy_coeff": (0, 0.1),
    f"{ACTOR}.kl_loss_coef": (1e-6, 1),
    f"{ROLLOUT}.n": (1, 1024),
    f"{ROLLOUT}.temperature": (0.1, 2),
    "data.max_response_length": (4, 10**6),
}
# Those that a run would be another one with.
DECISIVE = (RANK, RESUME)


def verl_keys(config: DictConfig) -> Iterator[Finding]:
    """Keys that verl has and does not read."""
    usual = flatten(defaults())
    unread = {key: "" for key in flat(config) if key.startswith(BEFORE_REWARD)} | UNREAD
    for key, new in unread.items():
        value: Any = OmegaConf.select(config, key, default=None)
        if value not in (None, usual.get(key)) and (not new or OmegaConf.select(config, new, default=None) != value):
            yield Finding(key, value, "verl 0.9 ignores this key", f"set {new} instead" if new else "leave it out")
    if not config.trainer.use_v1:
        yield finding(config, "trainer.use_v1", "verl's old trainer is not supported", "set it to true")
    if config.trainer.max_actor_ckpt_to_keep is not None:
        message = "verl deletes the old checkpoint before the new one is whole"
        yield finding(config, "trainer.max_actor_ckpt_to_keep", message, "leave it null and set run.keep_checkpoints")


def without_effect(config: DictConfig) -> Iterator[Finding]:
    """Settings whose effect another setting takes away."""
    model, actor, rollout = (config.actor_rollout_ref[name] for name in ("model", "actor", "rollout"))
    chunking, correction = actor.fsdp_config.entropy_from_logits_with_chunking, config.algorithm.rollout_correction
    if config.run.log_rollouts and not (config.run.keep_rollouts and "wandb" in config.trainer.logger):
        remedy = "set run.keep_rollouts above 0 and put wandb into trainer.logger, or set it to false"
        yield finding(config, "run.log_rollouts", "it sends the groups that are kept to W&B", remedy)
    batch = config.data.train_batch_size
    if batch // actor.ppo_mini_batch_size * actor.ppo_epochs == 1:
        message = "with one update a batch the ratio is 1 everywhere and every policy loss is the same"
        remedy = f"to compare losses use at least 4 updates: {max(1, batch // 4)} or less"
        yield finding(config, f"{ACTOR}.ppo_mini_batch_size", message, remedy, fatal=False)
    # With bypass_mode there is no old-log-prob pass that would compute one.
    if actor.calculate_entropy and actor.entropy_coeff == 0 and not correction.bypass_mode:
        message = (
            "each update would go back through an entropy that counts entropy_coeff=0 times; actor/entropy is that of "
            "the old-log-prob pass"
        )
        yield finding(config, f"{ACTOR}.calculate_entropy", message, "set it to false", fatal=False)
    if model.use_fused_kernels and chunking:
        message = "model.use_fused_kernels computes the entropy, without logits"
        yield finding(config, f"{ENGINE}.entropy_from_logits_with_chunking", message, "remove one of the two")
    if correction.rollout_is is not None and not rollout.calculate_log_probs:
        message = f"{CORRECTION}.rollout_is={correction.rollout_is} needs vLLM's log-probs"
        yield finding(config, f"{ROLLOUT}.calculate_log_probs", message, "set it to true")
    warmup = config.trainer.critic_warmup
    if warmup > 0 and not config.critic.enable and config.algorithm.adv_estimator != "gae":
        message = f"there is no critic to train first, and in {warmup} steps the policy would not be trained either"
        yield finding(config, "trainer.critic_warmup", message, "set it to 0")
    if rollout.top_p < 1 or rollout.top_k > 0:
        key = f"{ROLLOUT}.{'top_p' if rollout.top_p < 1 else 'top_k'}"
        message = "answers leave out what is unlikely, and the loss takes them for answers of the whole distribution"
        yield finding(config, key, message, "set top_p=1 and top_k=-1; validation has its own, val_kwargs", fatal=False)
    validation = rollout.val_kwargs
    if validation.temperature and not validation.do_sample:
        message = f"verl 0.9 ignores it, and draws answers at val_kwargs.temperature={validation.temperature}"
        remedy = "set it to true, or for greedy answers val_kwargs.temperature=0 and n=1"
        yield finding(config, f"{ROLLOUT}.val_kwargs.do_sample", message, remedy)
    if validation.n > 1 and not validation.temperature:
        message, remedy = "at temperature 0, all of these answers are the same", "set val_kwargs.temperature, or n=1"
        yield finding(config, f"{ROLLOUT}.val_kwargs.n", message, remedy)


def switched_off(config: DictConfig) -> Iterator[Finding]:
    """Options of a switch that is off, where they say more than verl's own: 0 and null may say that it is off."""
    usual = flatten(defaults())
    for key, (switch, turned_on, on) in SWITCHED.items():
        value, state = OmegaConf.select(config, key), OmegaConf.select(config, switch)
        if value and value != usual.get(key) and not turned_on(state):
            remedy = f"set {switch}={on} too, or leave it out"
            yield finding(config, key, f"it does nothing while {switch} is {state}", remedy, fatal=switch in DECISIVE)


def doubtful(config: DictConfig) -> Iterator[Finding]:
    """Numbers that are far from those that are usual."""
    for key, (low, high) in USUAL.items():
        is_off = key in SWITCHED and not OmegaConf.select(config, SWITCHED[key][0])
        if not low <= OmegaConf.select(config, key) <= high and not is_off:
            remedy = f"if a sign or a digit is lost, correct it: usual are {low:g} to {high:g}"
            yield finding(config, key, "it is far from what is usual", remedy, fatal=False)


def on_cpu(config: DictConfig) -> Iterator[Finding]:
    """Settings for which there must be a GPU."""
    if config.trainer.device != "cpu":
        return
    for role in ("actor", "ref"):
        for name in ("param_offload", "optimizer_offload", "offload_policy"):
            if config.actor_rollout_ref[role].fsdp_config.get(name):
                key = f"actor_rollout_ref.{role}.fsdp_config.{name}"
                yield Finding(key, True, "a CPU has nowhere to offload to", "remove it")
    if config.actor_rollout_ref.model.use_remove_padding:
        yield finding(config, f"{MODEL}.use_remove_padding", "it needs flash-attn and CUDA", "set it to false")
    if config.actor_rollout_ref.rollout.free_cache_engine:
        remedy = "set it to false, and enable_sleep_mode too"
        yield finding(config, f"{ROLLOUT}.free_cache_engine", "vLLM's CPU build has no sleep mode", remedy)


def filtering(config: DictConfig) -> Iterator[Finding]:
    """DAPO's dynamic sampling as verl 0.9 does it."""
    groups, function = config.algorithm.filter_groups, config.reward.custom_reward_function
    sampler = config.trainer.v1.sampler.custom_sampler
    if not groups.enable:
        return
    if sampler.path and sampler.name:
        message = f"verl does not tell a custom sampler ({sampler.name}) to filter groups"
        remedy = "set trainer.v1.sampler.custom_sampler.path and .name to null"
        yield finding(config, f"{FILTER}.enable", message, remedy)
    if function.path == OURS and groups.metric not in ("acc", "score", "reward"):
        yield finding(config, f"{FILTER}.metric", "the reward function returns no such number", "use acc, or reward")
    options = function.get("reward_kwargs") or {}
    shaped = [name for name in ("overlong_buffer", "format_weight") if options.get(name)]
    if groups.metric != "acc" and shaped:
        message = f"with {' and '.join(shaped)} hardly any group has equal rewards, so none is filtered"
        yield finding(config, f"{FILTER}.metric", message, "use acc", fatal=False)
    if groups.max_num_gen_batches > 0:
        remedy = f"set it to 0; {FILTER}.max_inflight_gen_batches bounds what is under way"
        yield finding(config, f"{FILTER}.max_num_gen_batches", "verl 0.9 ignores it", remedy)


def keeping(config: DictConfig) -> Iterator[Finding]:
    """The best checkpoint needs a score and a save at the same step."""
    saves, tests = config.trainer.save_freq, config.trainer.test_freq
    if not config.run.keep_best:
        return
    if saves < 1 or tests < 1:
        key = "trainer.save_freq" if saves < 1 else "trainer.test_freq"
        remedy = "set it to a number of steps, or run.keep_best=false"
        yield finding(config, key, "run.keep_best has nothing to choose from", remedy)
    elif saves % tests and tests % saves:
        message = f"few steps are both validated and saved (trainer.save_freq={saves}), and only those can be the best"
        yield finding(config, "trainer.test_freq", message, f"use {saves}, or a divisor of it", fatal=False)


def time_limit(config: DictConfig) -> Iterator[Finding]:
    """It is a duration, of more than a step."""
    limit = config.run.time_limit
    try:
        if limit is not None and seconds_of("run.time_limit", limit) < 60:
            message = "a run takes longer to start, and a number without a unit is of seconds"
            yield finding(config, "run.time_limit", message, "for hours write such as 12h", fatal=False)
    except UserError as error:
        yield finding_from_error(error)
