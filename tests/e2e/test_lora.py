"""LoRA in the real trainer: vLLM answers with the adapter, SIGTERM has it saved, and what is exported was trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from transformers import AutoModelForCausalLM

from dgpo.cli import main
from dgpo.runs.checkpoints import Checkpoint, latest_complete
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history, read_metrics
from tests.logits import distance, logits

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]
LORA = {
    "actor_rollout_ref.model.lora_rank": 4,
    "actor_rollout_ref.model.lora_alpha": 8,
    "actor_rollout_ref.model.target_modules": "[q_proj,v_proj,down_proj]",
    "actor_rollout_ref.actor.optim.lr": "5e-3",
    "trainer.total_training_steps": 50,
    "trainer.save_freq": 100,
    "trainer.val_before_train": "false",
    "run.save_on_signal": "true",
    "run.grace_s": 600,
}


@pytest.fixture(scope="module")
def ended(launch_in: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that SIGTERM has ended in its second step, and what it said."""
    run = tmp_path_factory.mktemp("lora") / "run"
    started = launch_in(run, **LORA)
    started.wait_for(lambda: 1 in history(RunFolder(run)))
    started.process.terminate()
    said, _ = started.process.communicate()
    assert started.process.returncode == 143, said
    return run, said


def newest(run: Path) -> Checkpoint:
    """The newest checkpoint, which is whole."""
    checkpoint, skipped = latest_complete(run / "checkpoints")
    assert checkpoint is not None and not skipped
    return checkpoint


def trained(run: Path, base: Path) -> torch.Tensor:
    """Logits of the base model with the adapter of the newest checkpoint, put together by PEFT."""
    saved = torch.load(newest(run).path / "actor/model_world_size_1_rank_0.pt", weights_only=False)
    adapter = {
        name.replace(".default", ""): getattr(value, "_local_tensor", value)
        for name, value in saved.items()
        if "lora_" in name
    }
    modules = ["q_proj", "v_proj", "down_proj"]
    settings = LoraConfig(r=4, lora_alpha=8, target_modules=modules, task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
    assert not set_peft_model_state_dict(model, adapter).unexpected_keys
    return logits(model)


def test_sigterm_saves_the_step_and_says_how_to_go_on(ended: tuple[Path, str]) -> None:
    run, said = ended
    step = newest(run).step
    assert step == max(history(RunFolder(run))) > 1
    assert "SIGTERM: saving after this step" in said
    assert f"interrupted (SIGTERM); the same command goes on from step {step}" in said


def test_vllm_answers_with_the_adapter(ended: tuple[Path, str], workspace: Path) -> None:
    run, _ = ended
    steps = history(RunFolder(run))
    # The adapter is far from nothing, and vLLM's probabilities are those of the trainer with it.
    before = logits(AutoModelForCausalLM.from_pretrained(workspace / "model"))
    assert distance(trained(run, workspace / "model"), before) > 0.05
    assert all(data["training/rollout_probs_diff_max"] < 1e-4 for data in steps.values())


def test_what_is_exported_was_trained(ended: tuple[Path, str], workspace: Path, tmp_path: Path) -> None:
    run, _ = ended
    expected = trained(run, workspace / "model")
    change = distance(logits(AutoModelForCausalLM.from_pretrained(workspace / "model")), expected)
    assert main(["export", str(run), "--out", str(tmp_path / "hf")]) == 0
    assert distance(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "hf")), expected) < 0.2 * change
    assert main(["export", str(run), "--adapter", "--out", str(tmp_path / "adapter")]) == 0
    base = AutoModelForCausalLM.from_pretrained(workspace / "model")
    loaded = PeftModel.from_pretrained(base, str(tmp_path / "adapter"))
    assert distance(logits(loaded), expected) < 0.2 * change


def test_it_goes_on_and_a_time_limit_ends_it(ended: tuple[Path, str], launch_in: Callable[..., Any]) -> None:
    run, _ = ended
    before = newest(run).step
    said = launch_in(run, **{**LORA, "run.time_limit": "1s"}).finish()
    last = newest(run)
    assert last.step == before + 1
    assert "stopped by run.time_limit=1s" in said and f"goes on from step {last.step}" in said
    (_, data, _), *rest = read_metrics(RunFolder(run).metrics_files()[-1])
    assert not rest and data["training/rollout_probs_diff_max"] < 1e-4
    # 4 updates a step, also those before.
    optimiser = torch.load(last.path / "actor/optim_world_size_1_rank_0.pt", weights_only=False)
    assert {float(state["step"]) for state in optimiser["state"].values()} == {4.0 * last.step}
