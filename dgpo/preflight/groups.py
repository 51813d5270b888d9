"""Settings of groups, of validation, and of what is kept, that cancel each other or have no effect."""

from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from dgpo.preflight.problem import Problem

FILTER = "algorithm.filter_groups"
OWN_REWARD = "pkg://dgpo.rewards.verl_reward"


def filtering(config: DictConfig) -> Iterator[Problem]:
    """DAPO's dynamic sampling as verl 0.9 does it."""
    groups = config.algorithm.filter_groups
    if not groups.enable:
        return
    function = config.reward.custom_reward_function
    if function.path == OWN_REWARD and groups.metric not in ("acc", "score", "reward"):
        yield Problem(
            f"{FILTER}.metric", groups.metric, "the reward function returns no such number", "use acc, or reward"
        )
    shaped = [
        name
        for name in ("overlong_buffer", "format_weight")
        if OmegaConf.select(function, f"reward_kwargs.{name}", default=0)
    ]
    if groups.metric != "acc" and shaped:
        yield Problem(
            f"{FILTER}.metric",
            groups.metric,
            f"with {' and '.join(shaped)} hardly any group has equal rewards, so none is filtered",
            "use acc",
            fatal=False,
        )
    if groups.max_num_gen_batches > 0:
        yield Problem(
            f"{FILTER}.max_num_gen_batches",
            groups.max_num_gen_batches,
            "verl 0.9 ignores it",
            f"set it to 0; {FILTER}.max_inflight_gen_batches bounds what is under way",
        )
    if not isinstance(groups.max_inflight_gen_batches, int) or groups.max_inflight_gen_batches < 1:
        yield Problem(
            f"{FILTER}.max_inflight_gen_batches",
            groups.max_inflight_gen_batches,
            "it must be a positive integer",
            "set it to 1 or more",
        )
    if config.data.gen_batch_size not in (None, 1):
        yield Problem(
            "data.gen_batch_size",
            config.data.gen_batch_size,
            "with group filtering verl fetches prompts one by one, whatever this says",
            "set it to null",
        )


def without_effect(config: DictConfig) -> Iterator[Problem]:
    """Options that another option takes the effect from."""
    model, actor, rollout = (config.actor_rollout_ref[name] for name in ("model", "actor", "rollout"))
    engine, key = actor.fsdp_config, "actor_rollout_ref.actor.fsdp_config"
    if model.use_fused_kernels and engine.entropy_from_logits_with_chunking:
        yield Problem(
            f"{key}.entropy_from_logits_with_chunking",
            True,
            "model.use_fused_kernels computes the entropy, without logits",
            "remove one of the two",
        )
    if model.use_fused_kernels and actor.calculate_sum_pi_squared:
        yield Problem(
            "actor_rollout_ref.actor.calculate_sum_pi_squared",
            True,
            "model.use_fused_kernels keeps no logits to compute it from",
            "set one of the two to false",
        )
    if engine.offload_policy and actor.strategy != "fsdp2":
        yield Problem(f"{key}.offload_policy", True, "FSDP1 has no such thing", "set actor.strategy=fsdp2")
    if config.algorithm.rollout_correction.rollout_is is not None and not rollout.calculate_log_probs:
        yield Problem(
            "actor_rollout_ref.rollout.calculate_log_probs",
            False,
            f"algorithm.rollout_correction.rollout_is={config.algorithm.rollout_correction.rollout_is} needs vLLM's "
            "log-probs",
            "set it to true",
        )
    if rollout.val_kwargs.n > 1 and not rollout.val_kwargs.do_sample:
        yield Problem(
            "actor_rollout_ref.rollout.val_kwargs.n",
            rollout.val_kwargs.n,
            "without do_sample all of these answers are the same",
            "set val_kwargs.do_sample=true, or n=1",
        )


def keeping(config: DictConfig) -> Iterator[Problem]:
    """The best checkpoint needs a score and a save at the same step."""
    saves, tests = config.trainer.save_freq, config.trainer.test_freq
    if not config.run.keep_best:
        return
    if saves < 1 or tests < 1:
        key, value = ("trainer.save_freq", saves) if saves < 1 else ("trainer.test_freq", tests)
        yield Problem(
            key,
            value,
            "run.keep_best has nothing to choose from",
            "set it to a number of steps, or run.keep_best=false",
        )
    elif saves % tests and tests % saves:
        yield Problem(
            "trainer.test_freq",
            tests,
            f"few steps are both validated and saved (trainer.save_freq={saves}), and only those can be the best",
            f"use {saves}, or a divisor of it",
            fatal=False,
        )
