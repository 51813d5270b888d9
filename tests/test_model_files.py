"""A model's folder is told by its files what it lacks, before anything loads it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from dgpo.model_files import model_fault, tokenizer_fault


@pytest.fixture
def model(untrained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(untrained, tmp_path / "model")


Change = Callable[[Path], object]


def as_pickles(model: Path) -> None:
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()


def in_the_hubs_cache(model: Path) -> None:
    files = [*model.iterdir()]
    (model / "snapshots/1").mkdir(parents=True)
    for file in files:
        file.rename(model / "snapshots/1" / file.name)


def as_links(model: Path) -> None:
    (model / "model.safetensors").rename(model.parent / "blob")
    (model / "model.safetensors").symlink_to("../blobs/blob")


def moved(name: str, to: str) -> Change:
    return lambda model: (model / name).rename(model / to)


def written(name: str, content: bytes = b"version https://git-lfs.github.com/spec/v1\n") -> Change:
    return lambda model: (model / name).write_bytes(content)


def cut(name: str) -> Change:
    return lambda model: os.truncate(model / name, (model / name).stat().st_size // 2)


def delete(*names: str) -> Change:
    return lambda model: [(model / name).unlink() for name in names]


def configured(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def changed(model: Path) -> None:
        settings = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(settings | change(settings)))

    return changed


def with_layers(more: int) -> Change:
    def change(settings: dict[str, Any]) -> dict[str, Any]:
        layers = settings["num_hidden_layers"] + more
        return {"num_hidden_layers": layers, "layer_types": ["full_attention"] * layers}

    return configured(change)


def with_values(change: Callable[[torch.Tensor], object]) -> Change:
    def changed(model: Path) -> None:
        weights = load_file(model / "model.safetensors")
        for name in (name for name, tensor in weights.items() if tensor.dim() > 1):
            change(weights[name])
        save_file(weights, model / "model.safetensors", {"format": "pt"})

    return changed


tied = configured(lambda settings: {"tie_word_embeddings": True})


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        (as_pickles, "it has its weights as pickles (*.bin)", "save_pretrained(FOLDER)"),
        (moved("model.safetensors", "model-q4.gguf"), "it has its weights as GGUF", "made from"),
        (written("model.safetensors", b"GGUF\x03\0\0\0"), "its model.safetensors is GGUF", "made from"),
        (
            moved("model.safetensors", "../model_world_size_1_rank_0.pt"),
            "it is of a run, whose weights are in shards",
            "dgpo export RUN",
        ),
        (cut("config.json"), "it cannot be loaded: its config.json is damaged", "download it again"),
        (cut("generation_config.json"), "its generation_config.json, which has its end tokens, is", "or delete it"),
        (with_layers(1), "its files lack weights", "complete"),
        (with_layers(-1), "its config.json is of a smaller model", "complete"),
        (
            moved("config.json", "adapter_config.json"),
            "it is a LoRA adapter, without its base",
            "merge_and_unload",
        ),
        (in_the_hubs_cache, "it is the hub's cache of a model", "snapshots/"),
        (as_links, "its model.safetensors is a link to a file that is not here", "cp -rL"),
        (delete("model.safetensors"), "it has no weights (*.safetensors)", "complete"),
        (delete("config.json"), "it has no config.json", "complete"),
        (delete("tokenizer.json", "tokenizer_config.json"), "it has no tokenizer", "save_pretrained"),
        (written("model.safetensors"), "its model.safetensors is a pointer of Git LFS", "git lfs pull"),
        (written("tokenizer.json"), "its tokenizer.json is a pointer of Git LFS", "git lfs pull"),
        (written("model.safetensors.index.json", b"{}"), "it names its weights twice", "delete the older"),
        (cut("model.safetensors"), "its model.safetensors is damaged or cut short", "download it again"),
        (with_values(torch.Tensor.zero_), "its model.safetensors holds zeros alone in 30 of 30 matrices", "again"),
        (with_values(lambda each: each[:, 3].fill_(torch.nan)), "are no finite numbers, as of a run", "give another"),
        (tied, "its config.json has tie_word_embeddings=true, but the output layer", "drop lm_head.weight"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_told_what_to_do(change: Change, message: str, remedy: str, model: Path):
    assert model_fault(model) is None
    change(model)
    found = model_fault(model)
    assert found is not None and message in found[0] and remedy in found[1]


def test_an_output_layer_that_is_saved_beside_its_equal_embedding_is_fine(model: Path):
    weights = load_file(model / "model.safetensors")
    copy = weights["model.embed_tokens.weight"].clone()
    save_file(weights | {"lm_head.weight": copy}, model / "model.safetensors", {"format": "pt"})
    tied(model)
    assert model_fault(model) is None


def test_a_chat_template_that_leaves_the_question_out_is_refused(model: Path):
    tokenizer, question = AutoTokenizer.from_pretrained(model), [{"role": "user", "content": "1+1?"}]
    assert tokenizer_fault(model, tokenizer, question, tokenizer("user 1+1?").input_ids) is None
    assert "not its question" in (tokenizer_fault(model, tokenizer, question, tokenizer("user").input_ids) or ("",))[0]


def test_a_tokenizer_without_an_end_or_with_more_tokens_than_the_model_is_refused(model: Path):
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert tokenizer_fault(model, tokenizer, [], [5]) is None
    message, remedy = tokenizer_fault(model, tokenizer, [], [5, 4000]) or ("", "")
    assert "of another model: it gives the token 4000, and the model has 259" in message and "trained with" in remedy
    tokenizer.eos_token = None
    assert "has no end token" in (tokenizer_fault(model, tokenizer, [], [5]) or ("",))[0]
