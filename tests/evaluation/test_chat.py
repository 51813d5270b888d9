"""Prompts as token ids: the chat template once, one BOS at most, and the same ids as in training."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from dgpo.evaluation import chat
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.error import EvalError


def test_a_second_bos_is_refused_and_one_is_not(model: Path, data: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (benchmark,) = read_benchmarks(data, ["sums"])
    tokenizer.bos_token = "<|endoftext|>"
    template = tokenizer.chat_template
    tokenizer.chat_template = "{{ bos_token }}" + template
    prompts = chat.prompt_tokens(tokenizer, benchmark)
    assert all(ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id for ids in prompts)
    tokenizer.chat_template = "{{ bos_token }}" * 2 + template
    with pytest.raises(EvalError, match="has 2 BOS tokens"):
        chat.prompt_tokens(tokenizer, benchmark)
    tokenizer.chat_template = "{{ raise_exception('no such role') }}"
    with pytest.raises(EvalError, match=r"cannot render problem .* \(no such role\)"):
        chat.prompt_tokens(tokenizer, benchmark)


def test_prompts_are_the_token_ids_of_the_rendered_template(model: Path, data: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (benchmark,) = read_benchmarks(data, ["sums"])
    prompts = chat.prompt_tokens(tokenizer, benchmark)
    problem = benchmark.problems[0]
    text = f"<|im_start|>user\n{problem.messages[0]['content']}<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(prompts[0]) == text
    assert chat.prompts_sha256(prompts) != chat.prompts_sha256(prompts[1:])


def test_prompts_are_those_of_training(model: Path, data: Path) -> None:
    """verl's agent loops render a row's prompt with this builder (verl/experimental/agent_loop/agent_loop.py)."""
    wiring = pytest.importorskip("verl.utils.tokenizer.continuous_token_wiring")
    tokenizer = AutoTokenizer.from_pretrained(model)
    builder = wiring.create_continuous_token_builder(tokenizer, hf_model_type="qwen2", chat_template_kwargs={})
    (benchmark,) = read_benchmarks(data, ["sums"])
    trained = [builder.build_initial_tokens(problem.messages) for problem in benchmark.problems]
    assert chat.prompt_tokens(tokenizer, benchmark) == trained
