"""Sizes of a dense decoder (Qwen2, Qwen3, Llama), from its config.json or from the table of known models."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgpo.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """A decoder of SwiGLU layers with grouped-query attention.

    Attributes:
        hidden, layers, heads, kv_heads, head_dim, intermediate, vocabulary: sizes as in config.json.
        positions: longest sequence in tokens.
        tied: whether the output layer is the embedding.
        attention_bias: whether q, k and v have a bias (Qwen2), else norms of q and k are not counted either.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    positions: int
    tied: bool = False
    attention_bias: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """The sizes under their names in config.json, which `shape_from` reads."""
        return {
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.intermediate,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "tie_word_embeddings": self.tied,
            "attention_bias": self.attention_bias,
        }

    @property
    def query(self) -> int:
        """Width of all queries."""
        return self.heads * self.head_dim

    @property
    def key_value(self) -> int:
        """Width of all keys, or of all values."""
        return self.kv_heads * self.head_dim

    @property
    def layer_tensors(self) -> list[int]:
        """Sizes of one layer's parameters: q, k, v, their biases, o, gate, up, down, two norms."""
        widths = (self.query, self.key_value, self.key_value)
        attention = [self.hidden * width for width in (*widths, self.query)]
        biases = list(widths) if self.attention_bias else []
        return attention + biases + 3 * [self.hidden * self.intermediate] + 2 * [self.hidden]

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer."""
        return sum(self.layer_tensors)

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embedding, or of the output layer."""
        return self.vocabulary * self.hidden

    @property
    def tensors(self) -> list[int]:
        """Sizes of all parameters: layers, embedding, output layer unless tied, last norm."""
        embeddings = [self.embedding_parameters] * (1 if self.tied else 2)
        return self.layers * self.layer_tensors + embeddings + [self.hidden]

    @property
    def parameters(self) -> int:
        """N, all parameters."""
        return sum(self.tensors)

    def valid_ulysses(self, gpus: int) -> list[int]:
        """Sequence parallel sizes that divide the heads and the ``gpus``.

        verl repeats key-value heads ``size // kv_heads`` times where there are fewer of them, and deals them out.
        """
        repeated = {size: self.kv_heads * max(size // self.kv_heads, 1) for size in range(1, gpus + 1)}
        return [size for size, kv in repeated.items() if gpus % size == 0 and self.heads % size == kv % size == 0]

    def valid_tensor_parallel(self, gpus_per_node: int) -> list[int]:
        """Tensor parallel sizes that vLLM takes on one node: they divide the heads, and divide the key-value heads
        or are divided by them."""
        sizes = [size for size in range(1, gpus_per_node + 1) if gpus_per_node % size == 0 and self.heads % size == 0]
        return [size for size in sizes if self.kv_heads % size == 0 or size % self.kv_heads == 0]


def _r1_distill(hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, vocabulary: int) -> ModelShape:
    return ModelShape(
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=hidden // heads,
        intermediate=intermediate,
        vocabulary=vocabulary,
        positions=131072,
    )


# By the name of the directory, in lower case: what to plan with before the model was downloaded.
KNOWN = {
    "deepseek-r1-distill-qwen-1.5b": _r1_distill(1536, 28, 12, 2, 8960, 151936),
    "deepseek-r1-distill-qwen-7b": _r1_distill(3584, 28, 28, 4, 18944, 152064),
    "qwen2.5-7b-instruct": replace(_r1_distill(3584, 28, 28, 4, 18944, 152064), positions=32768),
    "deepseek-r1-distill-qwen-14b": _r1_distill(5120, 48, 40, 8, 13824, 152064),
}


def shape_from(settings: dict[str, Any]) -> ModelShape:
    """The shape in a parsed config.json.

    Raises:
        UserError: a size is missing, or the model is not a dense decoder.
    """
    if any("expert" in key and value for key, value in settings.items()):
        raise UserError("config.json: mixtures of experts are not planned for")
    try:
        heads = settings["num_attention_heads"]
        return ModelShape(
            hidden=settings["hidden_size"],
            layers=settings["num_hidden_layers"],
            heads=heads,
            kv_heads=settings.get("num_key_value_heads") or heads,
            head_dim=settings.get("head_dim") or settings["hidden_size"] // heads,
            intermediate=settings["intermediate_size"],
            vocabulary=settings["vocab_size"],
            positions=settings["max_position_embeddings"],
            tied=bool(settings.get("tie_word_embeddings", False)),
            attention_bias=bool(settings.get("attention_bias", settings.get("model_type") == "qwen2")),
        )
    except KeyError as error:
        raise UserError(f"config.json: {error.args[0]} is missing; the plan needs a dense Qwen or Llama") from error


def find_shape(path: str) -> ModelShape:
    """The shape of the model in directory ``path``, or of the known model of that name where it is not there.

    Raises:
        UserError: neither.
    """
    file = Path(path).expanduser() / "config.json"
    try:
        return shape_from(json.loads(file.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        known = KNOWN.get(Path(path).name.lower())
        if known is None:
            raise UserError(
                f"actor_rollout_ref.model.path={path}: it has no config.json, and its name is not one of "
                f"{', '.join(KNOWN)}; give a model directory"
            ) from None
        return known
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {error}") from error
