"""GPU memory of an unlearning run, from its config and the model's shape; nothing is started."""

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from dgpo.config.compose import resolved
from dgpo.config.memory.setup import GIB
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.tables import Table
from dgpo.unlearning.losses import CHUNK, Method
from dgpo.unlearning.settings import Settings, parse_settings

CHUNK_TENSORS = 9
"""Tensors of chunk × vocabulary that a loss holds at once, by benchmarks/unlearning_memory.py."""

LLAMA: dict[str, Any] = {"hidden": 4096, "layers": 32, "heads": 32, "head_dim": 128, "attention_bias": False}
SHAPES = {
    "tofu_llama-2-7b-chat-hf_full": ModelShape(
        **LLAMA, kv_heads=32, intermediate=11008, vocabulary=32000, positions=4096
    ),
    "tofu_llama-3.1-8b-instruct_full": ModelShape(
        **LLAMA, kv_heads=8, intermediate=14336, vocabulary=128256, positions=131072
    ),
}
"""Of the models in configs/unlearn_tofu_*.yaml, where they are not there yet."""


def parts(settings: Settings, method: Method, shape: ModelShape) -> dict[str, int]:
    """Bytes on one GPU by part, at the peak of the backward pass.

    Weights, gradients and Adam's moments are in float32 and sharded; two layers, the embedding and the head are
    gathered in the dtype of the computation, c bytes. Where layers are computed anew, each keeps its input, and one of
    them 34·H bytes a token at c = 2; else all do.
    """
    ranks, width = settings.trainer.n_gpus_per_node, 2 if settings.model.dtype == "bf16" else 4
    outer = shape.embedding_parameters
    tokens = settings.train.micro_batch_size * settings.data.max_length
    inputs = tokens * shape.hidden * width * shape.layers
    within = tokens * shape.hidden * 17 * width
    trained = 0 if settings.model.lora_rank else 12
    by_part = {
        "weights, sharded": 4 * shape.parameters // ranks,
        "gradients and Adam's moments, sharded": trained * shape.parameters // ranks,
        "gathered layers, embedding and head": width * (2 * shape.layer_parameters + 2 * outer),
        "activations": inputs + within if settings.model.gradient_checkpointing else within * shape.layers,
        "logits of a chunk": CHUNK_TENSORS * CHUNK * shape.vocabulary * 4,
    }
    if method.needs_reference:
        by_part["head of the model before"] = width * outer
    return by_part


def plan_unlearning(composed: DictConfig, *, as_json: bool = False) -> None:
    """Print the plan of a config of unlearning; UserError where it is refused, or the model's shape not known."""
    settings, method = parse_settings(resolved(composed))
    place = Path(settings.model.path)
    known = None if place.is_dir() else SHAPES.get(place.name.lower())
    shape = known or find_shape(settings.model.path)
    sizes = parts(settings, method, shape)
    if as_json:
        print(json.dumps(sizes))
        return
    rows = [(part, f"{size / GIB:.1f}") for part, size in [*sizes.items(), ("all", sum(sizes.values()))]]
    train = settings.train
    title = (
        f"{settings.model.path}: {shape.parameters / 1e9:.2f} B parameters, {settings.trainer.n_gpus_per_node} GPUs, "
        f"{train.micro_batch_size} rows of at most {settings.data.max_length} tokens at a time"
    )
    Table(["GiB on one GPU", ""], rows, title).show()
