"""The reward manager inside verl's own loading, on samples as verl's agent loop hands them over."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from tensordict import TensorDict
from transformers import AutoTokenizer, GenerationConfig
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager

from dgpo.config.compose import compose_config, resolved
from dgpo.rewards.verl import RESPONSE_FACTS, end_tokens
from tests.rewards.judge_server import Server

LONGEST = 96


@pytest.fixture(scope="module")
def tokenizer(untrained: Path) -> Any:
    return AutoTokenizer.from_pretrained(untrained)


def sample(tokenizer: Any, response: list[int], **more: Any) -> DataProto:
    """One sample, as ``AgentLoopWorker._compute_score`` builds it."""
    prompt = torch.tensor(tokenizer.encode("3+4=?"))
    answer = torch.tensor(response)
    both = torch.cat([prompt, answer])
    tensors = {"prompts": prompt, "responses": answer, "input_ids": both, "attention_mask": torch.ones_like(both)}
    fields = {"data_source": "test", "reward_model": {"ground_truth": "7"}, "extra_info": {"index": 3}, **more}
    return DataProto(
        batch=TensorDict({name: row.unsqueeze(0) for name, row in tensors.items()}, batch_size=1),
        non_tensor_batch={name: np.array([value], dtype=object) for name, value in fields.items()},
    )


@functools.cache
def config_of(model: Path, *overrides: str) -> DictConfig:
    return resolved(compose_config("quickstart", [f"actor_rollout_ref.model.path={model}", *overrides]))


def grade(model: Path, tokenizer: Any, data: DataProto, *overrides: str) -> dict[str, Any]:
    manager = load_reward_manager(config_of(model, *overrides), tokenizer)
    return manager.loop.run_until_complete(manager.run_single(data))


@pytest.mark.parametrize("tool_fields", [{}, {"tool_extra_fields": {"turn_scores": []}}])
def test_tokens_are_counted_with_the_end_of_the_sequence(untrained: Path, tokenizer: Any, tool_fields: dict) -> None:
    response = [*tokenizer.encode("\\boxed{7}"), tokenizer.eos_token_id]
    told = grade(untrained, tokenizer, sample(tokenizer, response, **tool_fields))
    assert told["reward_score"] == 1.0
    assert told["reward_extra_info"]["tokens"] == str(len(response)) and told["reward_extra_info"]["truncated"] == "0"


@pytest.mark.parametrize(("ends", "truncated"), [(True, "0"), (False, "1")])
def test_a_response_of_the_full_length_is_truncated_unless_it_ends_there(
    untrained: Path, tokenizer: Any, ends: bool, truncated: str
) -> None:
    filler = tokenizer.encode("1")
    response = (filler * LONGEST)[: LONGEST - 1] + ([tokenizer.eos_token_id] if ends else filler[:1])
    told = grade(untrained, tokenizer, sample(tokenizer, response))
    assert told["reward_extra_info"]["tokens"] == str(LONGEST)
    assert told["reward_extra_info"]["truncated"] == truncated
    assert told["reward_extra_info"]["reason"] == "no_answer"


def test_the_overlong_penalty_counts_tokens(untrained: Path, tokenizer: Any) -> None:
    answer = [*tokenizer.encode("\\boxed{7}"), tokenizer.eos_token_id]
    response = (tokenizer.encode("1") * LONGEST)[: LONGEST - 8 - len(answer)] + answer
    overlong = "reward.custom_reward_function.reward_kwargs.overlong_buffer=32"
    told = grade(untrained, tokenizer, sample(tokenizer, response), overlong)
    # 88 tokens, 24 into the 32 before the longest response of 96.
    assert told["reward_score"] == pytest.approx(1 - 24 / 32)
    assert told["reward_extra_info"]["acc"] == 1.0


def test_a_judge_s_budget_knows_the_step_and_the_workers(untrained: Path, tokenizer: Any) -> None:
    data = sample(tokenizer, tokenizer.encode("\\boxed{7}"), global_steps=12)
    grade(untrained, tokenizer, data)
    facts = data.non_tensor_batch["extra_info"][0][RESPONSE_FACTS]
    assert (facts["step"], facts["workers"]) == (12, config_of(untrained).reward.num_workers)


def test_the_judge_of_a_config_is_asked(untrained: Path, tokenizer: Any) -> None:
    server, judge = Server(), "reward.custom_reward_function.reward_kwargs.judge"
    gold = r"\{x \mid x = 3k, k \in \mathbb{Z}\}"
    data = sample(
        tokenizer, tokenizer.encode(r"\boxed{3\mathbb{Z}}"), reward_model={"ground_truth": gold}, global_steps=1
    )
    told = grade(untrained, tokenizer, data, f"{judge}.url={server.url}", f"{judge}.model=says-yes")
    server.close()
    assert (told["reward_score"], told["reward_extra_info"]["stage"], len(server.requests)) == (1.0, "judge", 1)


def test_a_model_may_end_its_sequences_in_several_ways(untrained: Path, tokenizer: Any, tmp_path: Path) -> None:
    assert tokenizer.eos_token_id in end_tokens(str(untrained), tokenizer.eos_token_id)
    GenerationConfig(eos_token_id=[5, 6]).save_pretrained(tmp_path)
    assert end_tokens(str(tmp_path), 9) == {5, 6, 9}
    assert end_tokens(str(tmp_path / "none"), None) == set()
