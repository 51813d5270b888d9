"""Names that verl looks up late: each resolves now."""

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, cause_of
from dgpo.runs import checkpoints

RESUME_MODES = ("auto", "disable", "resume_path")


def _unknown(key: str, value: object, known: Iterable[object]) -> Finding:
    return Finding(key, value, "there is no such name", f"use one of {', '.join(sorted(map(str, known)))}")


def registered(config: DictConfig) -> Iterator[Finding]:
    """Advantage estimator, trainer mode, trackers, strategy, rollout engine, resume mode."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY
    from verl.utils.tracking import Tracking

    import dgpo.advantages.verl  # noqa: F401  (its estimator is registered then)

    trainer, actor = config.trainer, config.actor_rollout_ref.actor
    if config.algorithm.adv_estimator not in ADV_ESTIMATOR_REGISTRY:
        yield _unknown("algorithm.adv_estimator", config.algorithm.adv_estimator, ADV_ESTIMATOR_REGISTRY)
    if trainer.v1.trainer_mode not in TRAINER_REGISTRY:
        yield _unknown("trainer.v1.trainer_mode", trainer.v1.trainer_mode, TRAINER_REGISTRY)
    loggers = [trainer.logger] if isinstance(trainer.logger, str) else list(trainer.logger)
    for logger in loggers:
        if logger not in Tracking.supported_backend:
            yield _unknown("trainer.logger", logger, Tracking.supported_backend)
    if "file" not in loggers:
        yield Finding("trainer.logger", loggers, "progress and reports read the file tracker", "add file to the list")
    if config.actor_rollout_ref.rollout.name != "vllm":
        yield _unknown("actor_rollout_ref.rollout.name", config.actor_rollout_ref.rollout.name, ["vllm"])
    if trainer.resume_mode not in RESUME_MODES:
        yield _unknown("trainer.resume_mode", trainer.resume_mode, RESUME_MODES)
    if actor.checkpoint.async_save:
        key = "actor_rollout_ref.actor.checkpoint.async_save"
        yield Finding(key, True, "a checkpoint still being written cannot be declared complete", "set it to false")
    if trainer.resume_mode == "resume_path":
        path = Path(str(trainer.resume_from_path))
        defect = (
            checkpoints.inspect(path).defect
            if re.fullmatch(r"global_step_\d+", path.name)
            else "it is no global_step_N folder"
        )
        if defect:
            yield Finding("trainer.resume_from_path", path, defect, "give a complete checkpoint, .../global_step_N")


def policy_loss(config: DictConfig) -> Iterator[Finding]:
    """The policy loss is registered, and its hyper-parameters are in their ranges."""
    from hydra.utils import get_class
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
    from verl.utils.config import omega_conf_to_dataclass

    from dgpo.losses.verl import check_actor

    section = config.actor_rollout_ref.actor.policy_loss
    key = "actor_rollout_ref.actor.policy_loss"
    if "policy_loss" in config:
        message = "the file of this policy loss puts it at the top of the config, where nothing reads it"
        yield Finding("policy_loss", dict(config.policy_loss), message, f"make its first line: # @package {key}")
        return
    choices = "choose one of configs/policy_loss: policy_loss=dgpo"
    try:
        get_class(section._target_)  # its module registers the loss
        made = omega_conf_to_dataclass(section) if section.loss_mode in POLICY_LOSS_REGISTRY else None
        if made is not None:
            check_actor(config.actor_rollout_ref.actor)
    except Exception as error:
        named = cause_of(error).partition("=")[0]
        name, value = (f"{key}.{named}", section[named]) if named in section else (key, section.loss_mode)
        yield Finding(name, value, cause_of(error), "correct the value; docs/methods.md has the ranges")
        return
    if made is None:
        yield Finding(f"{key}.loss_mode", section.loss_mode, "verl knows no such policy loss", choices)
        return
    if section.loss_mode != "vanilla" and not hasattr(made, "check"):
        yield Finding(
            f"{key}._target_", section._target_, f"the loss {section.loss_mode} is not configured by it", choices
        )


def reward(config: DictConfig) -> Iterator[Finding]:
    """The reward function and the reward manager can be loaded, fit together, and take the options they get."""
    from verl.trainer.ppo.reward import resolve_reward_manager_cls
    from verl.utils.import_utils import load_extern_object

    function, manager = config.reward.custom_reward_function, config.reward.reward_manager
    options = dict(function.get("reward_kwargs") or {})
    key = "reward.custom_reward_function"
    score, manager_class = None, None
    if not function.path:
        yield Finding(
            f"{key}.path",
            function.path,
            "verl's built-in scorers know few data sources, and one of them runs model output as code",
            "use pkg://dgpo.rewards.verl, or your own file",
        )
    else:
        try:
            score = load_extern_object(function.path, function.name)
            inspect.signature(score).bind_partial(**options)  # pyright: ignore[reportArgumentType]
        except Exception as error:
            score = None
            message = f"{function.name} cannot be used: {cause_of(error)}"
            remedy = f"correct path, name or reward_kwargs; a function of your own drops ours by ~{key}.reward_kwargs"
            yield Finding(f"{key}.path", function.path, message, remedy)
    try:
        manager_class = resolve_reward_manager_cls(config)
    except Exception as error:
        remedy = "leave it as configs/rlvr.yaml has it, or source=register with naive or dapo, or your own module"
        yield Finding("reward.reward_manager.name", manager.name, str(error), remedy)
    if score is not None and manager_class is not None:
        yield from _reward_options(config, score, manager_class, options)


def _reward_options(config: DictConfig, score: object, manager_class: type, options: dict) -> Iterator[Finding]:
    from dgpo.rewards.verl import MathRewardManager, check_options, compute_score

    key = "reward.custom_reward_function.reward_kwargs"
    name = manager_class.__name__
    if name == "RemoteRewardManager" and inspect.iscoroutinefunction(score):
        remedy = "leave reward.reward_manager as configs/rlvr.yaml has it"
        yield Finding("reward.reward_manager.name", "remote", "it takes no asynchronous reward function", remedy)
    own = OmegaConf.select(config, "reward.reward_kwargs", default=None)
    if own and name != "DAPORewardManager":
        message = f"only verl's dapo manager reads it, and this one is {name}"
        yield Finding(
            "reward.reward_kwargs", dict(own), message, f"for a penalty on the length set {key}.overlong_buffer"
        )
    if score is not compute_score:
        return
    if own and options.get("overlong_buffer"):
        message = "the response's length is punished twice, by verl's dapo manager and by the reward function"
        yield Finding("reward.reward_kwargs", dict(own), message, f"remove it, or set {key}.overlong_buffer=0")
    try:
        longest = config.actor_rollout_ref.rollout.response_length
        check_options(options, longest, tells_length=issubclass(manager_class, MathRewardManager))
    except ValueError as error:
        name = str(error).partition("=")[0]
        yield Finding(f"{key}.{name}", options.get(name), str(error), "correct it; docs/reward.md has the ranges")
