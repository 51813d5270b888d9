"""What verl looks up or builds by name once the run has started: the same calls, made before."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, cause_of

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
READ_BY_EVERY_RUN = ("actor_rollout_ref.model", ROLLOUT, f"{ROLLOUT}.multi_turn", f"{ROLLOUT}.agent", "data")


def optimizer(config: DictConfig) -> Iterator[Finding]:
    """verl builds its optimizer, here of one parameter: torch then refuses what it would refuse of all."""
    import torch
    from verl.utils.config import omega_conf_to_dataclass
    from verl.workers.config.optimizer import build_optimizer

    section, key = config.actor_rollout_ref.actor.optim, f"{ACTOR}.optim"
    try:
        made = omega_conf_to_dataclass(section)
        build_optimizer([torch.nn.Parameter(torch.zeros(1))], made)
    except ImportError as error:
        # It may be installed where the run is to be.
        remedy = "install it, or use torch.optim and AdamW"
        yield Finding(f"{key}.optimizer_impl", section.optimizer_impl, str(error), remedy, fatal=False)
    except AttributeError as error:
        yield Finding(f"{key}.optimizer", section.optimizer, cause_of(error), "use AdamW")
    except Exception as error:
        yield from _refused(key, section, cause_of(error))


def _refused(key: str, section: DictConfig, message: str) -> Iterator[Finding]:
    """A refusal of verl's or torch's: of the option that its message speaks of, else of the section."""
    named = [str(name) for name in section if str(name) in message and name != "_target_"]
    name = max(named, key=len, default=None)
    value = OmegaConf.to_container(section) if name is None else section[name]
    yield Finding(f"{key}.{name}" if name else key, value, f"verl refuses it: {message}", "correct the value")


def sections(config: DictConfig) -> Iterator[Finding]:
    """verl's dataclasses of the sections that nothing else makes before the cluster runs."""
    from verl.utils.config import omega_conf_to_dataclass

    for key in (ROLLOUT, "trainer.v1.separate_async.hybrid_rollout"):
        section = OmegaConf.select(config, key)
        try:
            omega_conf_to_dataclass(section)
        except Exception as error:
            yield from _refused(key, section, cause_of(error))


def thresholds(config: DictConfig) -> Iterator[Finding]:
    """The thresholds of the rollout correction, by verl's own readers of them."""
    from verl.trainer.ppo import rollout_corr_helper as helper

    correction, key = config.algorithm.rollout_correction, "algorithm.rollout_correction"
    try:
        helper._parse_rollout_is_threshold(correction.rollout_is_threshold)
    except (TypeError, ValueError) as error:
        yield Finding(f"{key}.rollout_is_threshold", correction.rollout_is_threshold, str(error), "use 2.0, or 0.5_2.0")
    if correction.rollout_rs is None:
        return
    options = [each.strip() for each in correction.rollout_rs.split(",") if each.strip()]
    known = sorted(helper.SUPPORTED_ROLLOUT_RS_OPTIONS)
    if not options or not set(options) <= set(known):
        message = "there is no such rejection"
        yield Finding(f"{key}.rollout_rs", correction.rollout_rs, message, f"use of {', '.join(known)}, with commas")
        return
    try:
        helper._parse_rollout_rs_thresholds(options, correction.rollout_rs_threshold)
    except (TypeError, ValueError) as error:
        yield Finding(f"{key}.rollout_rs_threshold", correction.rollout_rs_threshold, str(error), "give one of each")


def callback(config: DictConfig) -> Iterator[Finding]:
    """What declares a checkpoint whole follows each save."""
    key, value = "trainer.checkpoint_callback_class", config.trainer.checkpoint_callback_class
    if value == "dgpo.training.verl.CompletionCallback":
        return
    from verl.utils.import_utils import load_class_from_fqn

    remedy = "leave it as configs/rlvr.yaml has it, or use a subclass of dgpo.training.verl.CompletionCallback"
    try:
        chosen = load_class_from_fqn(value, "CheckpointCallback") if value else None
    except Exception as error:
        yield Finding(key, value, f"it cannot be loaded: {cause_of(error)}", remedy)
        return
    # By name: the room of the class is above this one.
    if not any(each.__name__ == "CompletionCallback" for each in getattr(chosen, "__mro__", ())):
        yield Finding(key, value, "no checkpoint would count as complete: none could be gone on from", remedy)


def agents(config: DictConfig) -> Iterator[Finding]:
    """The agent loop, and with tools the parser of their calls, are registered."""
    rollout = config.actor_rollout_ref.rollout
    loop, parser = rollout.agent.default_agent_loop, rollout.multi_turn.format
    if loop == "single_turn_agent" and not rollout.multi_turn.enable:
        return
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry
    from verl.experimental.agent_loop.tool_parser import ToolParser

    # A file of one's own may register more.
    if not rollout.agent.agent_loop_config_path and loop not in _agent_loop_registry:
        known = ", ".join(sorted(_agent_loop_registry))
        yield Finding(f"{ROLLOUT}.agent.default_agent_loop", loop, "there is no such name", f"use one of {known}")
    if rollout.multi_turn.enable and parser not in ToolParser._registry:
        known = ", ".join(sorted(ToolParser._registry))
        yield Finding(f"{ROLLOUT}.multi_turn.format", parser, "there is no such name", f"use one of {known}")


def modules(config: DictConfig) -> Iterator[Finding]:
    """Modules that every worker imports are there."""
    for key in ("actor_rollout_ref.model.external_lib", f"{ROLLOUT}.checkpoint_engine.custom_backend_module"):
        value = OmegaConf.select(config, key)
        for name in [value] if isinstance(value, str) else value or ():
            try:
                found = importlib.util.find_spec(name)
            except (ImportError, ValueError):
                found = None
            if found is None:
                yield Finding(key, name, "there is no such module here", "install it, or correct the name")


def named_files(config: DictConfig) -> Iterator[Finding]:
    """Files that an option names are there."""
    for part in READ_BY_EVERY_RUN:
        for name, value in OmegaConf.select(config, part).items():
            key = f"{part}.{name}"
            if not (name.endswith("_path") or name.endswith("_file")) or not isinstance(value, str):
                continue
            # A tokenizer or a config may be named by its id on the hub, as a model may.
            on_hub = part == "actor_rollout_ref.model" and value.count("/") == 1 and value[0] not in "./~"
            if "://" not in value and not on_hub and not Path(value).expanduser().exists():
                yield Finding(key, value, "there is no such file", "correct the path")
