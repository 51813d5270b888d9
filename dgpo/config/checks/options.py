"""Options that verl accepts and ignores, and options that have no effect in this configuration."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding
from dgpo.config.renamed_keys import LEGACY


def verl_keys(config: DictConfig) -> Iterator[Finding]:
    """Keys of verl's older layout, which it reads no longer."""
    for key, new in LEGACY.items():
        value: Any = OmegaConf.select(config, key, default=None)
        if value not in (None, False) and OmegaConf.select(config, new, default=None) != value:
            yield Finding(key, value, "verl 0.9 ignores this key", f"set {new} instead")
    if not config.trainer.use_v1:
        yield Finding("trainer.use_v1", False, "verl's old trainer is not supported", "set it to true")
    if config.trainer.max_actor_ckpt_to_keep is not None:
        yield Finding(
            "trainer.max_actor_ckpt_to_keep",
            config.trainer.max_actor_ckpt_to_keep,
            "verl deletes the old checkpoint before the new one is whole",
            "leave it null and set run.keep_checkpoints",
        )


def without_effect(config: DictConfig) -> Iterator[Finding]:
    """Settings whose effect another setting takes away."""
    model, actor, rollout = (config.actor_rollout_ref[name] for name in ("model", "actor", "rollout"))
    engine, key = actor.fsdp_config, "actor_rollout_ref.actor.fsdp_config"
    if config.run.log_rollouts and not (config.run.keep_rollouts and "wandb" in config.trainer.logger):
        yield Finding(
            "run.log_rollouts",
            True,
            "it sends the groups that are kept to W&B",
            "set run.keep_rollouts above 0 and put wandb into trainer.logger, or set it to false",
        )
    updates = config.data.train_batch_size // max(1, actor.ppo_mini_batch_size) * actor.ppo_epochs
    if updates == 1:
        yield Finding(
            "actor_rollout_ref.actor.ppo_mini_batch_size",
            actor.ppo_mini_batch_size,
            "with one update a batch the ratio is 1 everywhere and every policy loss is the same",
            f"to compare losses use at least 4 updates: {max(1, config.data.train_batch_size // 4)} or less",
            fatal=False,
        )
    # With bypass_mode there is no old-log-prob pass that would compute one.
    bypass = config.algorithm.rollout_correction.bypass_mode
    if actor.calculate_entropy and actor.entropy_coeff == 0 and not bypass:
        yield Finding(
            "actor_rollout_ref.actor.calculate_entropy",
            True,
            "each update would go back through an entropy that counts entropy_coeff=0 times; actor/entropy is that of "
            "the old-log-prob pass",
            "set it to false",
            fatal=False,
        )
    if model.use_fused_kernels and engine.entropy_from_logits_with_chunking:
        yield Finding(
            f"{key}.entropy_from_logits_with_chunking",
            True,
            "model.use_fused_kernels computes the entropy, without logits",
            "remove one of the two",
        )
    if model.use_fused_kernels and actor.calculate_sum_pi_squared:
        yield Finding(
            "actor_rollout_ref.actor.calculate_sum_pi_squared",
            True,
            "model.use_fused_kernels keeps no logits to compute it from",
            "set one of the two to false",
        )
    if engine.offload_policy and actor.strategy != "fsdp2":
        yield Finding(f"{key}.offload_policy", True, "FSDP1 has no such thing", "set actor.strategy=fsdp2")
    if config.algorithm.rollout_correction.rollout_is is not None and not rollout.calculate_log_probs:
        yield Finding(
            "actor_rollout_ref.rollout.calculate_log_probs",
            False,
            f"algorithm.rollout_correction.rollout_is={config.algorithm.rollout_correction.rollout_is} needs vLLM's "
            "log-probs",
            "set it to true",
        )
    if rollout.val_kwargs.n > 1 and not rollout.val_kwargs.do_sample:
        yield Finding(
            "actor_rollout_ref.rollout.val_kwargs.n",
            rollout.val_kwargs.n,
            "without do_sample all of these answers are the same",
            "set val_kwargs.do_sample=true, or n=1",
        )


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
        yield Finding(
            "actor_rollout_ref.model.use_remove_padding", True, "it needs flash-attn and CUDA", "set it to false"
        )
    if config.actor_rollout_ref.rollout.free_cache_engine:
        yield Finding(
            "actor_rollout_ref.rollout.free_cache_engine",
            True,
            "vLLM's CPU build has no sleep mode",
            "set it to false, and enable_sleep_mode too",
        )
