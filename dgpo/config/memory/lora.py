"""Which layers LoRA adapts, and how many parameters it adds: A of (r, in) and B of (out, r) for each."""

import re
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf

from dgpo.config.memory.shape import ModelShape
from dgpo.errors import UserError

Pattern = str | tuple[str, ...]
ALL = "all-linear"


@dataclass(frozen=True)
class Lora:
    """LoRA as in verl's config. Layers are named by PEFT's rules: a regular expression of whole names, ends of names,
    or "all-linear"."""

    rank: int
    targets: Pattern = ALL
    excluded: Pattern = ()
    merged: bool = False  # vLLM gets W + alpha/r·B·A at each sync, and not A and B beside W


def linear_layers(shape: ModelShape) -> dict[str, tuple[int, int]]:
    """Widths of input and output of each linear layer except the output layer, by its whole name."""
    return {f"model.layers.{i}.{name}": widths for i in range(shape.layers) for name, widths in shape.linear.items()}


def matches(pattern: Pattern, name: str) -> bool:
    """Whether the layer ``name`` matches ``pattern`` by PEFT's rules; re.error for a malformed expression."""
    if pattern == ALL:
        return True
    if isinstance(pattern, str):
        return re.fullmatch(pattern, name) is not None
    return any(name == end or name.endswith(f".{end}") for end in pattern)


def adapted_layers(shape: ModelShape, lora: Lora) -> dict[str, tuple[int, int]]:
    """The `linear_layers` that ``lora`` adapts."""
    return {
        name: widths
        for name, widths in linear_layers(shape).items()
        if matches(lora.targets, name) and not matches(lora.excluded, name)
    }


def adapter_tensors(shape: ModelShape, lora: Lora) -> list[int]:
    """Sizes of all A and B."""
    return [lora.rank * width for widths in adapted_layers(shape, lora).values() for width in widths]


def adapter_parameters(shape: ModelShape, lora: Lora) -> int:
    """Parameters of the adapter, which alone are trained."""
    return sum(adapter_tensors(shape, lora))


def lora_from(config: DictConfig) -> Lora | None:
    """The LoRA settings of a resolved config, None without LoRA; UserError for a malformed expression of layers."""
    model = config.actor_rollout_ref.model
    if not model.get("lora_rank"):
        return None
    patterns = []
    for name in ("target_modules", "exclude_modules"):
        value = OmegaConf.select(model, name)
        patterns.append(value if isinstance(value, str) else tuple(value or ()))
        try:
            matches(patterns[-1], "")
        except re.error as error:
            remedy = "give a list such as [q_proj,v_proj], all-linear, or a regular expression of whole names"
            raise UserError(
                f"actor_rollout_ref.model.{name}={value}: it names no layers ({error}); {remedy}"
            ) from error
    return Lora(model.lora_rank, *patterns, merged=bool(model.lora.merge))
