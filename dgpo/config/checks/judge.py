"""The judge behind the verifier's rules: asked once, before a run counts on it."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding, finding

KEY = "reward.custom_reward_function.reward_kwargs.judge"


def judge(config: DictConfig) -> Iterator[Finding]:
    """Its server is there, serves the model, and the model knows a right answer and a wrong one."""
    from dgpo.rewards.judge import JudgeOptions, probe

    function = config.reward.custom_reward_function
    section = (function.get("reward_kwargs") or {}).get("judge")
    if function.path != "pkg://dgpo.rewards.verl" or not section:
        return
    try:
        options = JudgeOptions.of(section)
    except ValueError:  # `registries.reward` says what
        return
    if options.url and (problem := probe(options)):
        remedy = "start the server, correct judge.url and judge.model, or take another model; url=null switches it off"
        yield finding(config, f"{KEY}.url", problem, remedy)
