"""The reward: its function and manager can be loaded and take their options; a function of one's own is tried on the
first rows of the prompt files; the judge behind the verifier's rules is asked once."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, cause_of, finding, refusal
from dgpo.config.checks.loading import prompt_contents

FUNCTION = "reward.custom_reward_function"
OURS = "pkg://dgpo.rewards.verl"
RESPONSES = ("", "I do not know.", "<think>\nIt is 7.\n</think>\n\nThe answer is \\boxed{7}.")
"""Beside the ground truth in a box: a model writes all of these."""


def _function(config: DictConfig) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The reward function, which takes its options, and these; raises where it cannot be used."""
    from verl.utils.import_utils import load_extern_object

    function = config.reward.custom_reward_function
    score, options = load_extern_object(function.path, function.name), dict(function.get("reward_kwargs") or {})
    inspect.signature(score).bind_partial(**options)  # pyright: ignore[reportArgumentType]
    return score, options  # pyright: ignore[reportReturnType]


def reward(config: DictConfig) -> Iterator[Finding]:
    """The reward function and the reward manager can be loaded, fit together, and take the options they get."""
    from verl.trainer.ppo.reward import resolve_reward_manager_cls

    function, score, manager_class, options = config.reward.custom_reward_function, None, None, {}
    if not function.path:
        message = "verl's built-in scorers know few data sources, and one of them runs model output as code"
        yield finding(config, f"{FUNCTION}.path", message, "use pkg://dgpo.rewards.verl, or your own file")
    else:
        try:
            score, options = _function(config)
        except Exception as error:
            message = f"{function.name} cannot be used: {cause_of(error)}"
            remedy = (
                f"correct path, name or reward_kwargs; a function of your own drops ours by ~{FUNCTION}.reward_kwargs"
            )
            yield finding(config, f"{FUNCTION}.path", message, remedy)
    try:
        manager_class = resolve_reward_manager_cls(config)
    except Exception as error:
        remedy = "leave it as configs/rlvr.yaml has it, or source=register with naive or dapo, or your own module"
        yield finding(config, "reward.reward_manager.name", str(error), remedy)
    if score is not None and manager_class is not None:
        yield from _reward_options(config, score, manager_class, options)


def _reward_options(config: DictConfig, score: object, manager_class: type, options: dict) -> Iterator[Finding]:
    from dgpo.rewards.verl import MathRewardManager, check_options, compute_score

    key, manager = f"{FUNCTION}.reward_kwargs", manager_class.__name__
    own = OmegaConf.select(config, "reward.reward_kwargs")
    if own and manager != "DAPORewardManager":
        message = f"only verl's dapo manager reads it, and this one is {manager}"
        remedy = f"for a penalty on the length set {key}.overlong_buffer"
        yield finding(config, "reward.reward_kwargs", message, remedy)
    if score is not compute_score:
        return
    try:
        longest = config.actor_rollout_ref.rollout.response_length
        check_options(options, longest, tells_length=issubclass(manager_class, MathRewardManager))
    except ValueError as error:
        yield refusal(config, key, error, "correct it; docs/reward.md has the ranges")


def own_reward(config: DictConfig) -> Iterator[Finding]:
    """It takes what verl hands over, and returns a finite score for each, and the same keys.

    One that asks a reward model cannot be tried before a cluster is there.
    """
    from dgpo.rewards.own import normalize_result
    from dgpo.rewards.verl import RESPONSE_FACTS

    function = config.reward.custom_reward_function
    if not function.path or function.path == OURS or config.reward.reward_model.enable:
        return
    try:
        score, options = _function(config)
    except Exception:  # `reward` says what
        return
    longest, workers = config.actor_rollout_ref.rollout.response_length, config.reward.num_workers
    facts = {"tokens": 8, "longest": longest, "truncated": False, "step": 1, "workers": workers}
    key, kinds = f"{FUNCTION}.name", dict[str, str]()
    rows = ((f"row {row} of {path}", each) for _, path, file in prompt_contents(config) for row, each in file.first)
    for place, row in rows:
        truth = row["reward_model"]["ground_truth"]
        for response in (f"\\boxed{{{truth}}}", *RESPONSES):
            extra_info = {**(row.get("extra_info") or {}), RESPONSE_FACTS: facts}
            sample = {"data_source": row["data_source"], "ground_truth": truth, "extra_info": extra_info}
            where = f"for the response {response!r} to {place}"
            try:
                returned = score(**{"solution_str": response, **sample, **options})
                result = normalize_result(asyncio.run(returned) if inspect.iscoroutine(returned) else returned)
            except Exception as error:  # whatever a function of anyone's raises
                message = f"{where} it failed: {type(error).__name__}: {error}; in training such an answer would earn 0"
                remedy = "it gets data_source, solution_str, ground_truth and extra_info by name, and returns a number"
                yield Finding(key, function.name, message, f"{remedy}, or a dict with a score, for every text")
                return
            kinds.setdefault(", ".join(sorted(result)), where)
    if len(kinds) > 1:
        (one, first), (other, second), *_ = kinds.items()
        message = f"it returns {one} {first}, and {other} {second}"
        remedy = "return the same keys each time, best {'score': ..., 'acc': 1 or 0}: without, validation goes by score"
        yield Finding(key, function.name, message, remedy, fatal=False)


def judge(config: DictConfig) -> Iterator[Finding]:
    """Its server is there, serves the model, and the model knows a right answer and a wrong one."""
    from dgpo.rewards.judge import JudgeOptions, probe

    function = config.reward.custom_reward_function
    section = (function.get("reward_kwargs") or {}).get("judge")
    if function.path != OURS or not section:
        return
    try:
        options = JudgeOptions.of(section)
    except ValueError:  # `reward` says what
        return
    if options.url and (problem := probe(options)):
        remedy = "start the server, correct judge.url and judge.model, or take another model; url=null switches it off"
        yield finding(config, f"{FUNCTION}.reward_kwargs.judge.url", problem, remedy)
