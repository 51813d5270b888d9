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
    """LoRA as verl's config has it.

    Attributes:
        rank: r.
        targets, excluded: layers by PEFT's rules: a regular expression of whole names, ends of names, or "all-linear".
        merged: vLLM gets W + alpha/r·B·A at each sync, and not A and B beside W.
    """

    rank: int
    targets: Pattern = ALL
    excluded: Pattern = ()
    merged: bool = False


def linear_layers(shape: ModelShape) -> dict[str, tuple[int, int]]:
    """Widths of input and output of each linear layer but the output layer, by its name in Qwen2, Qwen3 and Llama."""
    layer = {
        "self_attn.q_proj": (shape.hidden, shape.query),
        "self_attn.k_proj": (shape.hidden, shape.key_value),
        "self_attn.v_proj": (shape.hidden, shape.key_value),
        "self_attn.o_proj": (shape.query, shape.hidden),
        "mlp.gate_proj": (shape.hidden, shape.intermediate),
        "mlp.up_proj": (shape.hidden, shape.intermediate),
        "mlp.down_proj": (shape.intermediate, shape.hidden),
    }
    return {f"model.layers.{at}.{name}": widths for at in range(shape.layers) for name, widths in layer.items()}


def matches(pattern: Pattern, name: str) -> bool:
    """Whether PEFT takes the layer ``name`` for ``pattern``.

    Raises:
        re.error: ``pattern`` is a malformed expression.
    """
    if pattern == ALL:
        return True
    if isinstance(pattern, str):
        return re.fullmatch(pattern, name) is not None
    return any(name == end or name.endswith(f".{end}") for end in pattern)


def adapted_layers(shape: ModelShape, lora: Lora) -> dict[str, tuple[int, int]]:
    """Those of `linear_layers` that ``lora`` adapts."""
    return {
        name: widths
        for name, widths in linear_layers(shape).items()
        if matches(lora.targets, name) and not matches(lora.excluded, name)
    }


def adapter_tensors(shape: ModelShape, lora: Lora) -> list[int]:
    """Sizes of all A and B."""
    return [lora.rank * width for widths in adapted_layers(shape, lora).values() for width in widths]


def adapter_parameters(shape: ModelShape, lora: Lora) -> int:
    """Parameters of the adapter, all that is trained."""
    return sum(adapter_tensors(shape, lora))


def lora_from(config: DictConfig) -> Lora | None:
    """LoRA of a resolved config, where it trains by it.

    Raises:
        UserError: its rank is no integer above 0, or its layers are no list of names and no expression.
    """
    model, key = config.actor_rollout_ref.model, "actor_rollout_ref.model"
    if model.get("lora_rank") in (0, None):
        return None
    if isinstance(model.lora_rank, bool) or not isinstance(model.lora_rank, int) or model.lora_rank < 0:
        raise UserError(f"{key}.lora_rank={model.lora_rank}: it must be an integer; choose 32, or 0 for no LoRA")
    patterns = []
    for name in ("target_modules", "exclude_modules"):
        value = OmegaConf.select(model, name)
        pattern = value if isinstance(value, str) else tuple(value or ())
        try:
            matches(pattern, "")
        except (re.error, AttributeError, TypeError) as error:
            remedy = "give a list such as [q_proj,v_proj], all-linear, or a regular expression of whole names"
            raise UserError(f"{key}.{name}={value}: it names no layers ({error}); {remedy}") from error
        patterns.append(pattern)
    return Lora(model.lora_rank, *patterns, merged=bool(model.lora.merge))
