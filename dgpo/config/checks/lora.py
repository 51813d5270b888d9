"""LoRA: settings that would train another thing than they say, or nothing, or that vLLM or the export cannot follow."""

from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding, finding, finding_from_error
from dgpo.config.checks.sizes import model_shape
from dgpo.config.memory.lora import Lora, adapted_layers, linear_layers, lora_from, matches
from dgpo.config.memory.setup import ACTOR, MODEL
from dgpo.config.memory.shape import ModelShape
from dgpo.errors import UserError
from dgpo.files import json_object

# Of an adapter that is started from: verl's checkpoints record rank and alpha only.
PLAIN = {
    "use_dora": False,
    "use_rslora": False,
    "rank_pattern": {},
    "alpha_pattern": {},
    "modules_to_save": None,
    "bias": "none",
}


def lora(config: DictConfig) -> Iterator[Finding]:
    """What is asked for is trained, reaches vLLM, and can be exported."""
    model = config.actor_rollout_ref.model
    try:
        lora = lora_from(config)
    except UserError as error:
        yield finding_from_error(error)
        return
    if lora is None:  # `options.switched_off` says what has no effect then
        return
    if shape := model_shape(config):
        yield from _layers(config, lora, shape)
    yield from _transport(config, lora)
    if path := model.lora_adapter_path:
        yield from _adapter(config, Path(path).expanduser())


def _layers(config: DictConfig, asked: Lora, shape: ModelShape) -> Iterator[Finding]:
    """PEFT passes over a name of a list that fits no layer, and refuses only where none does."""
    names = list(linear_layers(shape))
    ends = sorted({name.rpartition(".")[2] for name in names})
    for key, pattern in (("target_modules", asked.targets), ("exclude_modules", asked.excluded)):
        what, parts = "there is no such", {part: (part,) for part in pattern}
        if isinstance(pattern, str):
            what, parts = "as an expression it fits the whole name of no", {pattern: pattern}
        for text, part in parts.items():
            if not any(matches(part, name) for name in names):
                message = f"{text}: {what} linear layer in the model's layers"
                yield finding(config, f"{MODEL}.{key}", message, f"use names of {ends}")
                return
    if not adapted_layers(shape, asked):
        yield finding(config, f"{MODEL}.exclude_modules", "it leaves no layer to adapt", "exclude fewer")


def _transport(config: DictConfig, asked: Lora) -> Iterator[Finding]:
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    backend = rollout.checkpoint_engine.backend
    if backend != "naive" and not asked.merged:
        message = f"the rollouts of checkpoint_engine.backend={backend} would get the base model, without the adapter"
        yield finding(config, f"{MODEL}.lora.merge", message, "set it to true")
    if "hf_model" in actor.checkpoint.save_contents:
        message = "verl would save the base model under names that nothing loads, and the adapter not at all"
        yield finding(config, f"{ACTOR}.checkpoint.save_contents", message, "leave out hf_model, and use dgpo export")


def _adapter(config: DictConfig, folder: Path) -> Iterator[Finding]:
    """The adapter that the run starts from is there, of the same size, and of the plain kind."""
    key, model = f"{MODEL}.lora_adapter_path", config.actor_rollout_ref.model
    if not (settings := json_object(folder / "adapter_config.json")):
        yield Finding(key, folder, "its adapter_config.json cannot be read", "give a folder saved by PEFT")
        return
    for name, own in (("r", "lora_rank"), ("lora_alpha", "lora_alpha")):
        if settings.get(name) != model[own]:
            message = f"the adapter in {folder} has {settings.get(name)}, and that is what would be trained"
            yield Finding(f"{MODEL}.{own}", model[own], message, f"set it to {settings.get(name)}")
    for name, plain in PLAIN.items():
        if settings.get(name, plain) not in (plain, None):
            message = f"it has {name}={settings[name]}, which a checkpoint does not record and an export would lose"
            yield Finding(key, folder, message, "start from an adapter without it")
