"""Settings of group filtering, and of what is kept, that cancel each other or have no effect."""

from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding

FILTER = "algorithm.filter_groups"
OWN_REWARD = "pkg://dgpo.rewards.verl"


def filtering(config: DictConfig) -> Iterator[Finding]:
    """DAPO's dynamic sampling as verl 0.9 does it."""
    groups = config.algorithm.filter_groups
    if not groups.enable:
        return
    function = config.reward.custom_reward_function
    if function.path == OWN_REWARD and groups.metric not in ("acc", "score", "reward"):
        yield Finding(
            f"{FILTER}.metric", groups.metric, "the reward function returns no such number", "use acc, or reward"
        )
    shaped = [
        name
        for name in ("overlong_buffer", "format_weight")
        if OmegaConf.select(function, f"reward_kwargs.{name}", default=0)
    ]
    if groups.metric != "acc" and shaped:
        yield Finding(
            f"{FILTER}.metric",
            groups.metric,
            f"with {' and '.join(shaped)} hardly any group has equal rewards, so none is filtered",
            "use acc",
            fatal=False,
        )
    if groups.max_num_gen_batches > 0:
        yield Finding(
            f"{FILTER}.max_num_gen_batches",
            groups.max_num_gen_batches,
            "verl 0.9 ignores it",
            f"set it to 0; {FILTER}.max_inflight_gen_batches bounds what is under way",
        )
    if config.data.gen_batch_size not in (None, 1):
        yield Finding(
            "data.gen_batch_size",
            config.data.gen_batch_size,
            "with group filtering verl fetches prompts one by one, whatever this says",
            "set it to null",
        )


def keeping(config: DictConfig) -> Iterator[Finding]:
    """The best checkpoint needs a score and a save at the same step."""
    saves, tests = config.trainer.save_freq, config.trainer.test_freq
    if not config.run.keep_best:
        return
    if saves < 1 or tests < 1:
        key, value = ("trainer.save_freq", saves) if saves < 1 else ("trainer.test_freq", tests)
        yield Finding(
            key,
            value,
            "run.keep_best has nothing to choose from",
            "set it to a number of steps, or run.keep_best=false",
        )
    elif saves % tests and tests % saves:
        yield Finding(
            "trainer.test_freq",
            tests,
            f"few steps are both validated and saved (trainer.save_freq={saves}), and only those can be the best",
            f"use {saves}, or a divisor of it",
            fatal=False,
        )
