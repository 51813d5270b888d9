"""What verl looks up or builds by name once the run has started: the same look-ups, made before."""

import importlib.util
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, cause_of, finding, refusal
from dgpo.config.memory.setup import ACTOR, MODEL, ROLLOUT
from dgpo.model_files import is_hub_id
from dgpo.runs import checkpoints

LOSS = f"{ACTOR}.policy_loss"
CALLBACK = "dgpo.training.verl.CompletionCallback"
# Trackers that are verl's own, or named otherwise than their package.
WITHOUT_MODULE = ("console", "file", "vemlp_wandb")
READ_BY_EVERY_RUN = (MODEL, ROLLOUT, f"{ROLLOUT}.multi_turn", f"{ROLLOUT}.agent", "data")


def registered(config: DictConfig) -> Iterator[Finding]:
    """Advantage estimator, trainer mode, trackers; the agent loop and with tools the parser of their calls."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY
    from verl.utils.tracking import Tracking

    import dgpo.advantages.verl  # noqa: F401  (its estimator is registered then)

    rollout = config.actor_rollout_ref.rollout
    loops = rollout.agent.agent_loop_config_path
    known: dict[str, Collection[Any]] = {
        "algorithm.adv_estimator": ADV_ESTIMATOR_REGISTRY,
        "trainer.v1.trainer_mode": TRAINER_REGISTRY,
        "trainer.logger": Tracking.supported_backend,
    }
    try:
        known[f"{ROLLOUT}.agent.default_agent_loop"] = agent_loop_names(loops)
    except ValueError as error:
        remedy = "give a YAML list of agent loops, each with name and _target_, or leave it out"
        yield Finding(f"{ROLLOUT}.agent.agent_loop_config_path", loops, str(error), remedy)
    if rollout.multi_turn.enable:
        from verl.experimental.agent_loop.tool_parser import ToolParser

        known[f"{ROLLOUT}.multi_turn.format"] = ToolParser._registry
    for key, names in known.items():
        value = OmegaConf.select(config, key)
        for name in [value] if isinstance(value, str) else value:
            if name not in names:
                own = ", or one of a module in VERL_USE_EXTERNAL_MODULES" * (names is ADV_ESTIMATOR_REGISTRY)
                remedy = f"use one of {', '.join(sorted(map(str, names)))}{own}"
                yield Finding(key, name, "there is no such name", remedy)
    loggers = [config.trainer.logger] if isinstance(config.trainer.logger, str) else config.trainer.logger
    if "wandb" in loggers and (found := re.search(r"[/\\#?%:]", str(config.trainer.project_name))):
        remedy = "give the project alone; WANDB_ENTITY in the environment names a team"
        yield finding(config, "trainer.project_name", f"W&B takes no {found[0]} in a project's name", remedy)
    if "file" not in loggers:
        yield finding(config, "trainer.logger", "progress and reports read the file tracker", "add file to the list")


def agent_loop_names(path: str | None) -> set[str]:
    """Names of verl's agent loops and of those in a file of more; ValueError where that is no list of them."""
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry
    from verl.utils.import_utils import resolve_config_path

    try:
        loops: Any = OmegaConf.load(resolve_config_path(path)) if path else []
        more = [str(loop.name) for loop in loops]
    except Exception as error:
        raise ValueError(f"it cannot be read as a list of agent loops: {cause_of(error)}") from error
    return {*_agent_loop_registry, *more}


def checkpointing(config: DictConfig) -> Iterator[Finding]:
    """What is gone on from is a checkpoint, and what declares one whole follows each save."""
    if config.actor_rollout_ref.actor.checkpoint.async_save:
        message = "a checkpoint still being written cannot be declared complete"
        yield finding(config, f"{ACTOR}.checkpoint.async_save", message, "set it to false")
    if config.trainer.resume_mode == "resume_path":
        path = Path(str(config.trainer.resume_from_path))
        if defect := checkpoints.inspect(path).defect:
            remedy = "give a complete checkpoint, .../global_step_N"
            yield Finding("trainer.resume_from_path", path, defect, remedy)
    if config.trainer.checkpoint_callback_class != CALLBACK:
        message, remedy = "no checkpoint would count as complete: none could be gone on from", f"leave it as {CALLBACK}"
        yield finding(config, "trainer.checkpoint_callback_class", message, remedy)


def policy_loss(config: DictConfig) -> Iterator[Finding]:
    """The policy loss is registered, and its hyper-parameters are in their ranges."""
    from hydra.utils import get_class
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
    from verl.utils.config import omega_conf_to_dataclass

    from dgpo.losses.verl import check_actor

    actor = config.actor_rollout_ref.actor
    section = actor.policy_loss
    if "policy_loss" in config:
        message = "the file of this policy loss puts it at the top of the config, where nothing reads it"
        yield finding(config, "policy_loss", message, f"make its first line: # @package {LOSS}")
        return
    choices = "choose one of configs/policy_loss: policy_loss=dgpo"
    try:
        get_class(section._target_)  # its module registers the loss
        loss_config = omega_conf_to_dataclass(section) if section.loss_mode in POLICY_LOSS_REGISTRY else None
        if loss_config is not None:
            check_actor(actor)
    except Exception as error:
        remedy = "correct the value; docs/methods.md has the ranges"
        if isinstance(error.__cause__, ImportError):
            remedy = "install it, or put its folder on PYTHONPATH"
        yield refusal(config, LOSS, error, remedy)
        return
    if loss_config is None:
        yield finding(config, f"{LOSS}.loss_mode", "verl knows no such policy loss", choices)
    elif section.loss_mode == "vanilla":
        message = "no policy loss is chosen, and verl trains with its own"
        yield finding(config, f"{LOSS}.loss_mode", message, choices.replace("dgpo", "grpo"), fatal=False)
    elif not hasattr(loss_config, "check"):
        yield finding(config, f"{LOSS}._target_", f"the loss {section.loss_mode} is not configured by it", choices)
    high = actor.clip_ratio_high or 0
    if high > (10 if "cispo" in section.loss_mode else 1):
        message = f"it is a distance from 1: nothing is clipped before the ratio is {1 + high:g}"
        yield finding(config, f"{ACTOR}.clip_ratio_high", message, "usual are 0.2 to 0.28", fatal=False)


def optimizer(config: DictConfig) -> Iterator[Finding]:
    """verl builds its optimizer, here of one parameter: torch then refuses what it would refuse of all."""
    import torch
    from verl.utils.config import omega_conf_to_dataclass
    from verl.workers.config.optimizer import build_optimizer

    section, key = config.actor_rollout_ref.actor.optim, f"{ACTOR}.optim"
    try:
        build_optimizer([torch.nn.Parameter(torch.zeros(1))], omega_conf_to_dataclass(section))
    except ImportError as error:
        # It may be installed where the run is to be.
        remedy = "install it, or use torch.optim and AdamW"
        yield finding(config, f"{key}.optimizer_impl", str(error), remedy, fatal=False)
    except AttributeError as error:
        yield finding(config, f"{key}.optimizer", cause_of(error), "use AdamW")
    except Exception as error:
        yield _refused(key, section, cause_of(error))


def rollouts(config: DictConfig) -> Iterator[Finding]:
    """verl's dataclass of the rollouts, which nothing else makes before the cluster runs."""
    from verl.utils.config import omega_conf_to_dataclass

    section = config.actor_rollout_ref.rollout
    try:
        omega_conf_to_dataclass(section)
    except Exception as error:
        yield _refused(ROLLOUT, section, cause_of(error))


def _refused(key: str, section: DictConfig, message: str) -> Finding:
    """A refusal of verl's or torch's: of the option that its message speaks of, else of the section."""
    spoken_of = [str(name) for name in section if str(name) in message and name != "_target_"]
    name = max(spoken_of, key=len, default=None)
    value = OmegaConf.to_container(section) if name is None else section[name]
    return Finding(f"{key}.{name}" if name else key, value, f"verl refuses it: {message}", "correct the value")


def thresholds(config: DictConfig) -> Iterator[Finding]:
    """The thresholds of the rollout correction, by verl's own readers of them."""
    from verl.trainer.ppo import rollout_corr_helper as helper

    correction, key = config.algorithm.rollout_correction, "algorithm.rollout_correction"
    try:
        helper._parse_rollout_is_threshold(correction.rollout_is_threshold)
        if correction.rollout_rs is not None:
            options = [each.strip() for each in correction.rollout_rs.split(",")]
            if unknown := set(options) - helper.SUPPORTED_ROLLOUT_RS_OPTIONS:
                known = ", ".join(sorted(helper.SUPPORTED_ROLLOUT_RS_OPTIONS))
                raise ValueError(f"rollout_rs knows no {', '.join(unknown)}, but {known}")
            helper._parse_rollout_rs_thresholds(options, correction.rollout_rs_threshold)
    except (TypeError, ValueError) as error:
        yield _refused(key, correction, str(error))


def modules(config: DictConfig) -> Iterator[Finding]:
    """Modules that every worker or a tracker imports, and files that an option names, are there."""
    for key in (f"{MODEL}.external_lib", f"{ROLLOUT}.checkpoint_engine.custom_backend_module", "trainer.logger"):
        value = OmegaConf.select(config, key)
        for name in [value] if isinstance(value, str) else value or ():
            try:
                module = name in WITHOUT_MODULE or importlib.util.find_spec(name)
            except (ImportError, ValueError):
                module = None
            if not module:
                yield Finding(key, name, "there is no such module here", "install it, or correct the name")
    for part in READ_BY_EVERY_RUN:
        for name, value in OmegaConf.select(config, part).items():
            if not name.endswith(("_path", "_file")) or not isinstance(value, str):
                continue
            on_hub = "://" in value or (part == MODEL and is_hub_id(value))
            if not on_hub and not Path(value).expanduser().exists():
                yield finding(config, f"{part}.{name}", "there is no such file", "correct the path")
