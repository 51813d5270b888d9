"""A model that would not load as it was saved is refused before anything starts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig
from safetensors.torch import load_file, save_file

from dgpo.config.checks import files as checks
from dgpo.config.compose import compose_config, resolved


@pytest.fixture
def model(files: Path, tmp_path: Path) -> Path:
    return shutil.copytree(files / "model", tmp_path / "model")


@pytest.fixture
def config(overrides: list[str], model: Path) -> DictConfig:
    return resolved(compose_config("quickstart", [*overrides, f"actor_rollout_ref.model.path={model}"]))


def settings(**changed: object) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        said = json.loads((model / "config.json").read_text()) | changed
        (model / "config.json").write_text(json.dumps(said))

    return change


def weights(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Path], None]:
    def changed(model: Path) -> None:
        save_file(change(load_file(model / "model.safetensors")), model / "model.safetensors", {"format": "pt"})

    return changed


def without_a_shard(model: Path) -> None:
    names = dict.fromkeys(load_file(model / "model.safetensors"), "model-00001-of-00002.safetensors")
    names["lm_head.weight"] = "model-00002-of-00002.safetensors"
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")


def as_an_adapter(model: Path) -> None:
    (model / "config.json").rename(model / "adapter_config.json")


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda model: (model / name).write_text(content)


def delete(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).unlink()


MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing shard": (without_a_shard, "No such file or directory: "),
    "a pointer of Git LFS": (write("model.safetensors", "version https://git-lfs"), "is a pointer of Git LFS"),
    "a missing weight": (weights(lambda all: {name: all[name] for name in [*all][1:]}), "lack weights, 1 in all"),
    "wrapped weights": (weights(lambda all: {f"module.{name}": all[name] for name in all}), "would be random"),
    "another size": (settings(hidden_size=64), "its config.json is of another model"),
    "weights of a run that diverged": (
        weights(lambda all: all | {"model.norm.weight": all["model.norm.weight"] * float("nan")}),
        "model.safetensors has weights that are no finite numbers, as of a run that diverged; the first: model.norm",
    ),
    "quantized weights": (settings(quantization_config={"quant_method": "gptq", "bits": 4}), "are quantized (gptq)"),
    "no architectures": (settings(architectures=None), "architectures is None"),
    "a classifier": (settings(architectures=["Qwen2ForSequenceClassification"]), "it does not write text"),
    "an adapter": (as_an_adapter, "it is a LoRA adapter, without its base model"),
    "no vocabulary": (delete("tokenizer.json"), "of a prompt, not its question"),
    "no chat template": (delete("chat_template.jinja"), "its tokenizer has no chat template"),
    "a template without messages": (write("chat_template.jinja", "hello"), "the model reads 'hello' of a prompt"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_would_not_load_as_it_was_saved_is_refused(kind: str, model: Path, config: DictConfig):
    change, message = MODELS[kind]
    assert list(checks.model(config)) == []
    change(model)
    said = [str(each) for each in (*checks.model(config), *checks.datasets(config))]
    place = f"error: actor_rollout_ref.model.path={model}: "
    assert any(each.startswith(place) and message in each for each in said), said


@pytest.mark.parametrize("content", ["[1, 2]", "null", '{"hidden_size": "128"}', '{"num_attention_heads": null}'])
def test_a_config_json_with_values_of_other_kinds_is_told(
    content: str, model: Path, problems: Callable[..., list[str]]
):
    read, changed = json.loads((model / "config.json").read_text()), json.loads(content)
    (model / "config.json").write_text(json.dumps(read | changed if isinstance(changed, dict) else changed))
    said = problems(f"actor_rollout_ref.model.path={model}")
    assert any(f"model.path={model}: it cannot be loaded" in each for each in said), said
