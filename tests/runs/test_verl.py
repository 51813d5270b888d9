"""A run by LoRA is exported as what it has trained: the base model and its adapter."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from dgpo.cli import main
from dgpo.runs.checkpoints import write_manifest
from tests.logits import distance, logits

TARGETS = ["q_proj", "v_proj", "down_proj"]


@pytest.fixture(scope="module")
def trained(untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    """A run folder as verl leaves it after LoRA of rank 4 and alpha 6, and the logits of its model."""
    run = tmp_path_factory.mktemp("lora") / "run"
    actor = run / "checkpoints/global_step_3/actor"
    shutil.copytree(untrained, actor / "huggingface")
    (actor / "huggingface/model.safetensors").unlink()
    model = AutoModelForCausalLM.from_pretrained(untrained, dtype=torch.bfloat16)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, task_type="CAUSAL_LM"))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    torch.save(model.state_dict(), actor / "model_world_size_1_rank_0.pt")
    (actor / "fsdp_config.json").write_text(json.dumps({"FSDP_version": 2, "world_size": 1}))
    (actor / "lora_train_meta.json").write_text(json.dumps({"r": 4, "lora_alpha": 6, "task_type": "CAUSAL_LM"}))
    (run / "config.yaml").write_text(json.dumps({"actor_rollout_ref": {"model": {"path": str(untrained)}}}))
    write_manifest(actor.parent)
    return run, logits(model)


@pytest.fixture(scope="module")
def adapter_alone(trained: tuple[Path, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run with the adapter alone in its shards, as checkpoint.save_lora_only leaves it."""
    run = tmp_path_factory.mktemp("lora only") / "run"
    shutil.copytree(trained[0], run)
    step = run / "checkpoints/global_step_3"
    shards = torch.load(step / "actor/model_world_size_1_rank_0.pt", weights_only=False)
    kept = {name: value for name, value in shards.items() if "lora_" in name}
    torch.save(kept, step / "actor/model_world_size_1_rank_0.pt")
    write_manifest(step)
    return run


def base(untrained: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(untrained, dtype=torch.bfloat16)


def test_the_model_is_exported_with_its_adapter_merged(
    trained: tuple[Path, torch.Tensor], untrained: Path, tmp_path: Path
) -> None:
    run, expected = trained
    assert main(["export", str(run), "--out", str(tmp_path / "hf")]) == 0
    exported = logits(AutoModelForCausalLM.from_pretrained(tmp_path / "hf"))
    assert distance(logits(base(untrained)), expected) > 0.2
    assert distance(exported, expected) < 0.02
    assert not list(tmp_path.glob("hf/*adapter*")) and (tmp_path / "hf/tokenizer.json").is_file()


def test_the_adapter_is_exported_alone(trained: tuple[Path, torch.Tensor], untrained: Path, tmp_path: Path) -> None:
    run, expected = trained
    assert main(["export", str(run), "--adapter", "--out", str(tmp_path / "adapter")]) == 0
    assert {file.name for file in (tmp_path / "adapter").iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert not (tmp_path / "adapter/model.safetensors").exists()
    loaded = PeftModel.from_pretrained(base(untrained), str(tmp_path / "adapter"))
    assert distance(logits(loaded), expected) < 0.01


def test_a_checkpoint_of_the_adapter_alone_finds_its_base_model(
    adapter_alone: Path, trained: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    assert main(["export", str(adapter_alone), "--out", str(tmp_path / "hf")]) == 0
    assert distance(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "hf")), trained[1]) < 0.02


@pytest.fixture
def run(trained: tuple[Path, torch.Tensor], tmp_path: Path) -> Path:
    """A test's own copy of the run."""
    return shutil.copytree(trained[0], tmp_path / "run")


def test_without_its_base_model_it_says_which_one_is_missing(
    adapter_alone: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    run = shutil.copytree(adapter_alone, tmp_path / "run")
    (run / "config.yaml").write_text("actor_rollout_ref: {model: {path: models/gone}}")
    assert "models/gone is not there" in refused("export", run, "--out", tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


def test_an_adapter_that_cannot_be_merged_is_refused(run: Path, refused: Callable[..., str]) -> None:
    file = run / "checkpoints/global_step_3/actor/model_world_size_1_rank_0.pt"
    state = torch.load(file, weights_only=False)
    name = next(name for name in state if name.endswith("lora_A.default.weight"))
    state[name.replace("lora_A", "lora_magnitude_vector")] = torch.ones(4)
    torch.save(state, file)
    write_manifest(file.parents[1])
    assert "lora_magnitude_vector" in refused("export", run, "--out", run / "hf")


def test_a_run_without_lora_has_no_adapter_to_export(run: Path, refused: Callable[..., str]) -> None:
    (run / "checkpoints/global_step_3/actor/lora_train_meta.json").unlink()
    write_manifest(run / "checkpoints/global_step_3")
    assert "without LoRA" in refused("export", run, "--adapter", "--out", run / "adapter")
