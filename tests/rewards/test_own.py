"""What people's reward functions return, made into what verl can train on and average."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
import torch
from verl.trainer.ppo.metric_utils import process_validation_metrics

from dgpo.errors import UserError
from dgpo.rewards.metrics import reward_metrics
from dgpo.rewards.own import averageable_columns, catching_errors, normalize_result


@pytest.mark.parametrize("one", [1, True, 1.0, np.float16(1), np.int64(1), np.bool_(True), np.array([1.0])])
def test_a_number_of_any_library_is_a_score(one: Any) -> None:
    assert normalize_result(one) == normalize_result({"score": one, "acc": one}) == {"score": 1.0, "acc": 1.0}


def test_a_tensor_of_one_number_is_a_score() -> None:
    assert normalize_result(torch.tensor(0.5, dtype=torch.bfloat16)) == {"score": 0.5, "acc": 0.5}
    assert normalize_result({"score": torch.tensor([[0.5]])}) == {"score": 0.5}


@pytest.mark.parametrize(
    "returned",
    [
        *(None, "1", "", float("nan"), np.float32("inf"), torch.tensor([1.0, 2.0]), [], (1.0, "why")),
        *({}, {"reward": 1.0}, {"score": None}, {"score": {"a": 1}}),
    ],
)
def test_what_is_no_score_is_refused(returned: Any) -> None:
    with pytest.raises(ValueError, match="score"):
        normalize_result(returned)


def test_what_is_told_beside_the_score_can_be_written_and_sent() -> None:
    more = {"none": None, "flag": np.bool_(False), "list": [1, 2], "array": np.zeros(2), "set": {1}, "text": "t" * 9999}
    told = normalize_result({"score": np.float32(1), **more})
    assert json.loads(json.dumps(told)) == told
    assert told.keys() == {"score", "flag", "list", "array", "set", "text"} and told["list"] == "[1, 2]"
    assert told["flag"] == 0.0 and len(str(told["text"])) == 2_000


def fails(solution_str: str) -> float:
    return float(solution_str)


async def fails_awaited(solution_str: str) -> float:
    return float(solution_str)


@pytest.mark.parametrize("function", [fails, fails_awaited])
def test_an_answer_on_which_the_function_fails_earns_nothing_and_is_counted(function: Any) -> None:
    def reward(text: str) -> Any:
        told = catching_errors(function)(solution_str=text)
        return asyncio.run(told) if asyncio.iscoroutine(told) else told

    assert reward("2") == {"score": 2.0, "acc": 2.0}
    failed = reward("two")
    assert failed["score"] == 0.0 and "ValueError: could not convert" in failed["error"]
    assert reward_metrics([{"acc": 2.0}, {"acc": 1.0}, failed]) == {"reward/errors": pytest.approx(1 / 3)}
    with pytest.raises(UserError, match=r"failed on 2 of 3 answers.*could not convert"):
        reward_metrics([{"acc": 2.0}, failed, failed])


def test_answers_without_acc_are_not_taken_for_wrong_ones() -> None:
    """verl's own average, of a function that returns a number, or a dict without acc."""
    columns = {"reward": [1.0, 1.0], "acc": [1.0, None], "score": [None, 1.0]}
    group = {("maths", "a"): 2}
    wrong = process_validation_metrics(["maths"] * 2, ["a"] * 2, columns, expected_acc_counts=group)
    assert wrong["maths"]["acc"]["mean@2"] == 0.5
    kept, told = averageable_columns(columns)
    right = process_validation_metrics(["maths"] * 2, ["a"] * 2, kept, expected_acc_counts=group)
    assert "acc" not in right["maths"] and right["maths"]["reward"]["mean@2"] == 1.0
    assert told == ["acc is missing on 1 of 2 samples, so the score stands for it"]


def test_an_answer_on_which_the_function_failed_is_a_wrong_one() -> None:
    columns = {"reward": [1.0, 0.0], "acc": [1.0, None], "error": [None, "ValueError: x"]}
    assert averageable_columns(columns) == (columns, [])


def test_a_column_of_numbers_and_text_is_left_out() -> None:
    columns = {"reward": [1.0, 0.0, 1.0], "length": [3.0, "none", None], "pred": ["3", None, "4"]}
    kept, told = averageable_columns(columns)
    assert kept.keys() == {"reward", "pred"} and told == ["length is text on 1 of 3 samples and a number on others"]
