"""Sizes of a dense decoder (Qwen2, Qwen3, Llama), from its config.json or the table of known models."""

import json
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from dgpo.errors import UserError


def _named(name: str, usual: Any = MISSING) -> Any:
    """A size with its name in config.json."""
    return field(default=usual, metadata={"name": name})


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """A decoder of SwiGLU layers with grouped-query attention. Norms of q and k are not counted."""

    hidden: int = _named("hidden_size")
    layers: int = _named("num_hidden_layers")
    heads: int = _named("num_attention_heads")
    kv_heads: int = _named("num_key_value_heads")
    head_dim: int = _named("head_dim")
    intermediate: int = _named("intermediate_size")
    vocabulary: int = _named("vocab_size")
    positions: int = _named("max_position_embeddings")  # longest sequence in tokens
    tied: bool = _named("tie_word_embeddings", False)  # whether the output layer is the embedding
    attention_bias: bool = _named("attention_bias", True)  # of q, k and v (Qwen2)

    @property
    def settings(self) -> dict[str, Any]:
        """The sizes under their names in config.json, which `shape_from` reads."""
        return {each.metadata["name"]: getattr(self, each.name) for each in fields(self)}

    @property
    def query(self) -> int:
        """Width of all queries."""
        return self.heads * self.head_dim

    @property
    def key_value(self) -> int:
        """Width of all keys, or of all values."""
        return self.kv_heads * self.head_dim

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Widths of input and output of a layer's linear parts, by their names in Qwen2, Qwen3 and Llama."""
        return {
            "self_attn.q_proj": (self.hidden, self.query),
            "self_attn.k_proj": (self.hidden, self.key_value),
            "self_attn.v_proj": (self.hidden, self.key_value),
            "self_attn.o_proj": (self.query, self.hidden),
            "mlp.gate_proj": (self.hidden, self.intermediate),
            "mlp.up_proj": (self.hidden, self.intermediate),
            "mlp.down_proj": (self.intermediate, self.hidden),
        }

    @property
    def layer_tensors(self) -> list[int]:
        """Sizes of one layer's parameters: the linear parts, biases of q, k and v, two norms."""
        biases = [self.query, self.key_value, self.key_value] if self.attention_bias else []
        return [rows * columns for rows, columns in self.linear.values()] + biases + 2 * [self.hidden]

    @property
    def layer_parameters(self) -> int:
        return sum(self.layer_tensors)

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embedding, and of the output layer."""
        return self.vocabulary * self.hidden

    @property
    def tensors(self) -> list[int]:
        """Sizes of all parameters: layers, embedding, output layer unless tied, last norm."""
        return self.layers * self.layer_tensors + (2 - self.tied) * [self.embedding_parameters] + [self.hidden]

    @property
    def parameters(self) -> int:
        """N, all parameters."""
        return sum(self.tensors)

    def valid_ulysses(self, gpus: int) -> list[int]:
        """Sequence parallel sizes that divide the heads and the ``gpus``.

        verl repeats key-value heads ``size // kv_heads`` times if there are fewer than ``size``, and distributes them.
        """
        repeated = {size: self.kv_heads * max(size // self.kv_heads, 1) for size in range(1, gpus + 1)}
        return [size for size, kv in repeated.items() if gpus % size == 0 and self.heads % size == kv % size == 0]

    def valid_tensor_parallel(self, gpus_per_node: int) -> list[int]:
        """Tensor parallel sizes that vLLM takes on one node: they divide the heads, and divide the key-value heads
        or are divided by them."""
        sizes = [size for size in range(1, gpus_per_node + 1) if gpus_per_node % size == 0 and self.heads % size == 0]
        return [size for size in sizes if self.kv_heads % size == 0 or size % self.kv_heads == 0]


def shape_from(settings: dict[str, Any]) -> ModelShape:
    """The shape in a parsed config.json; UserError where a size is missing, or the model is not a dense decoder."""
    if any("expert" in key and value for key, value in settings.items()):
        raise UserError("config.json: mixtures of experts are not planned for")
    try:
        heads = settings["num_attention_heads"]
        usual = {
            "num_key_value_heads": heads,
            "head_dim": settings["hidden_size"] // heads,
            "tie_word_embeddings": False,
            "attention_bias": settings.get("model_type") == "qwen2",
        }
        sizes = usual | {name: value for name, value in settings.items() if value is not None}
        return ModelShape(**{each.name: sizes[each.metadata["name"]] for each in fields(ModelShape)})
    except KeyError as error:
        raise UserError(f"config.json: {error.args[0]} is missing; the plan needs a dense Qwen or Llama") from error
    except (TypeError, ZeroDivisionError) as error:
        raise UserError(f"config.json: a size is no number above 0 ({error}); write it without quotes") from error


# By the name of the directory, in lower case: models to plan with before they are downloaded.
_SIZES = ("hidden", "layers", "heads", "kv_heads", "intermediate", "vocabulary", "positions")
KNOWN = {
    name: ModelShape(head_dim=128, **dict(zip(_SIZES, sizes, strict=True)))
    for name, *sizes in (
        ("deepseek-r1-distill-qwen-1.5b", 1536, 28, 12, 2, 8960, 151936, 131072),
        ("deepseek-r1-distill-qwen-7b", 3584, 28, 28, 4, 18944, 152064, 131072),
        ("qwen2.5-7b-instruct", 3584, 28, 28, 4, 18944, 152064, 32768),
        ("deepseek-r1-distill-qwen-14b", 5120, 48, 40, 8, 13824, 152064, 131072),
    )
}


def find_shape(path: str) -> ModelShape:
    """The shape of the model in a directory, or of the known model of that name; UserError where it is neither."""
    file = Path(path).expanduser() / "config.json"
    try:
        settings = json.loads(file.read_text())
        if not isinstance(settings, dict):
            raise UserError("config.json: it is no object; give the model's own")
        return shape_from(settings)
    except (FileNotFoundError, NotADirectoryError):
        if known := KNOWN.get(Path(path).name.lower()):
            return known
        raise UserError(
            f"actor_rollout_ref.model.path={path}: it has no config.json, and its name is not one of "
            f"{', '.join(KNOWN)}; give a model directory"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {error}") from error
