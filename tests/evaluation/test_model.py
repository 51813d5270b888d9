"""Prompts as token ids: the chat template once, one BOS at most, and the same ids as in training."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.model import find_model, prompt_tokens, prompts_sha256


def test_a_second_bos_is_refused_and_one_is_not(model: Path, data: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (benchmark,) = read_benchmarks(data, ["sums"])
    tokenizer.bos_token = "<|endoftext|>"
    template = tokenizer.chat_template
    tokenizer.chat_template = "{{ bos_token }}" + template
    prompts = prompt_tokens(tokenizer, benchmark)
    assert all(ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id for ids in prompts)
    tokenizer.chat_template = "{{ bos_token }}" * 2 + template
    with pytest.raises(UserError, match="has 2 BOS tokens"):
        prompt_tokens(tokenizer, benchmark)
    tokenizer.chat_template = "{{ raise_exception('no such role') }}"
    with pytest.raises(UserError, match=r"cannot render problem .* \(no such role\)"):
        prompt_tokens(tokenizer, benchmark)


def test_prompts_are_the_token_ids_of_the_rendered_template(model: Path, data: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (benchmark,) = read_benchmarks(data, ["sums"])
    prompts = prompt_tokens(tokenizer, benchmark)
    problem = benchmark.problems[0]
    text = f"<|im_start|>user\n{problem.messages[0]['content']}<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(prompts[0]) == text
    assert prompts_sha256(prompts) != prompts_sha256(prompts[1:])


def test_prompts_are_those_of_training(model: Path, data: Path) -> None:
    """verl's agent loops render a row's prompt with this builder (verl/experimental/agent_loop/agent_loop.py)."""
    wiring = pytest.importorskip("verl.utils.tokenizer.continuous_token_wiring")
    tokenizer = AutoTokenizer.from_pretrained(model)
    builder = wiring.create_continuous_token_builder(tokenizer, hf_model_type="qwen2", chat_template_kwargs={})
    (benchmark,) = read_benchmarks(data, ["sums"])
    trained = [builder.build_initial_tokens(problem.messages) for problem in benchmark.problems]
    assert prompt_tokens(tokenizer, benchmark) == trained


def test_a_checkpoint_is_exported_once_and_found_again(
    untrained: Path, train_to: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_to(tmp_path / "run", 3, 0.5)
    step = tmp_path / "run/checkpoints/global_step_3"
    found = find_model(str(tmp_path / "run"), None, tmp_path / "out")
    assert f"exporting {step} to {found.path}\n" in capsys.readouterr().err
    trained, exported = (AutoModelForCausalLM.from_pretrained(path) for path in (untrained, found.path))
    for name, value in trained.state_dict().items():
        assert torch.equal(exported.state_dict()[name].float(), value.to(torch.bfloat16).float())
    again = find_model(str(step), None, tmp_path / "out")
    assert (again.path, again.facts.revision) == (found.path, found.facts.revision)
    assert "exporting" not in capsys.readouterr().err
    assert found.facts.hidden_size == trained.config.hidden_size


def test_a_model_is_refused_before_its_files_are_read_whole(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "copied", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").symlink_to("../../blobs/0123")
    with pytest.raises(UserError, match=r"copied: its model\.safetensors is a link to a file that is not here"):
        find_model(str(folder), None, tmp_path)
