import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from dgpo.config.memory.phases import kv_bytes_per_token
from dgpo.config.memory.shape import KNOWN, ModelShape, find_shape, shape_from
from dgpo.errors import UserError

SMALL = {
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}


@pytest.mark.parametrize(
    ("size", "parameters", "kv_kib", "ulysses"),
    [
        ("1.5b", 1_777_088_000, 28, [1, 2, 4, 6, 12]),
        ("7b", 7_615_616_512, 56, [1, 2, 4, 28]),
        ("14b", 14_770_033_664, 192, [1, 2, 4, 8, 40]),
    ],
)
def test_the_known_models_have_their_published_sizes(
    size: str, parameters: int, kv_kib: int, ulysses: list[int]
) -> None:
    shape = KNOWN[f"deepseek-r1-distill-qwen-{size}"]
    assert shape.parameters == parameters
    assert kv_bytes_per_token(shape) == kv_kib * 1024
    assert shape.valid_ulysses(2520) == ulysses  # 2520 is divided by every size up to 10, and by 12 and 28 and 40


@pytest.mark.parametrize("config", [Qwen2Config, LlamaConfig])
@pytest.mark.parametrize("tied", [False, True])
def test_parameters_are_those_of_the_real_model(config: type, tied: bool, tmp_path: Path) -> None:
    settings = config(**SMALL, tie_word_embeddings=tied)
    settings.save_pretrained(tmp_path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(settings)
    assert find_shape(str(tmp_path)).parameters == sum(weight.numel() for weight in model.parameters())


def test_a_head_dimension_of_its_own_counts(tmp_path: Path) -> None:
    settings = Qwen3Config(**SMALL, head_dim=32)
    settings.save_pretrained(tmp_path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(settings)
    real = sum(
        weight.numel() for name, weight in model.named_parameters() if "q_norm" not in name and "k_norm" not in name
    )
    assert find_shape(str(tmp_path)).parameters == real


def test_tensor_parallel_sizes_divide_the_heads_and_fit_the_node() -> None:
    sizes = {
        name.removeprefix("deepseek-r1-distill-qwen-"): each.valid_tensor_parallel(8) for name, each in KNOWN.items()
    }
    assert [sizes[size] for size in ("1.5b", "7b", "14b")] == [[1, 2, 4], [1, 2, 4], [1, 2, 4, 8]]


def test_the_directory_wins_over_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "DeepSeek-R1-Distill-Qwen-7B"
    assert find_shape(str(folder)) == KNOWN["deepseek-r1-distill-qwen-7b"]
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**SMALL, "model_type": "qwen2"}))
    assert find_shape(str(folder)).hidden == 64


@pytest.mark.parametrize(
    ("text", "says"),
    [("{}", "num_attention_heads is missing"), ("{", "config.json"), ('{"num_experts": 8}', "mixtures of experts")],
)
def test_a_config_that_cannot_be_planned_with_is_an_error(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=says):
        find_shape(str(tmp_path))


def test_an_unknown_model_is_an_error_that_names_the_key() -> None:
    with pytest.raises(UserError, match=r"actor_rollout_ref\.model\.path=models/unknown"):
        find_shape("models/unknown")


def test_a_layer_without_key_value_heads_in_its_config_has_as_many_as_heads() -> None:
    settings = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}
    assert shape_from(settings).kv_heads == 4


@pytest.mark.parametrize("shape", KNOWN.values())
def test_a_shape_is_read_again_from_its_settings(shape: ModelShape) -> None:
    assert shape_from(shape.settings) == shape
