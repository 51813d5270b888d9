import asyncio
import itertools
import logging
import os
from typing import Any

import pytest

from dgpo.rewards.verl import RESPONSE_FACTS, check_options, compute_score


def score(response: str, gold: Any, **options: Any) -> dict[str, float | str]:
    return asyncio.run(compute_score("test", response, gold, {}, **options))


def test_every_sample_has_the_same_keys_and_types() -> None:
    samples = [
        score(r"\boxed{7}", "7"),
        score("none", "7"),
        score(r"\boxed{x+1}", "1+x"),
        score(r"\boxed{7 or 8}", "7"),
        score(r"\boxed{7}", ""),
        score(r"\boxed{7}", None),
        score(r"\boxed{" + "7" * 5000 + "}", "7"),
    ]
    shapes = {tuple((key, type(value)) for key, value in sample.items()) for sample in samples}
    assert len(shapes) == 1
    assert [sample["score"] for sample in samples] == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert [sample["acc"] for sample in samples] == [sample["score"] for sample in samples]
    assert [sample["reason"] == "bad_gold" for sample in samples] == [False] * 4 + [True, True, False]
    assert all(len(str(sample["pred"])) <= 200 for sample in samples)


def test_hostile_responses_of_a_group_change_no_other_verdict() -> None:
    hostile = [
        r"\boxed{9^{9^{9^{9}}}}",
        r"\boxed{(((x+1)^{999}+1)^{999}+y)!}",
        r"\boxed{__import__('os').system('touch hacked')}",
        r"\boxed{\int_0^1 \sin(x^{x^x}) e^{\cos x^{99}} dx}",
        "\\boxed{" * 50_000,
        "x" * 1_000_000,
        r"\boxed{\frac{\sqrt{\prod_{k=1}^{9999} k^k}}{x}}",
        "\u202e\x00\ud7ff\\boxed{\u0661\u0662}",
    ]

    async def group() -> list[dict[str, float | str]]:
        honest = [compute_score("test", rf"\boxed{{{i}+f(y)}}", f"f(y)+{i}") for i in range(40)]
        bad = [compute_score("test", text, "7") for text in hostile for _ in range(3)]
        return await asyncio.gather(*(call for pair in itertools.zip_longest(honest, bad) for call in pair if call))

    samples = asyncio.run(group())
    right = [sample for sample in samples if sample["score"] == 1.0]
    assert len(samples) == 64 and len(right) == 40
    assert all(str(sample["pred"]).endswith("+f(y)") for sample in right)
    assert len({tuple(sample) for sample in samples}) == 1
    assert not os.path.exists("hacked")


RESPONSE = {RESPONSE_FACTS: {"tokens": 90, "longest": 100, "truncated": False}}


@pytest.mark.parametrize(
    ("options", "right", "wrong"),
    [
        ({}, 1.0, 0.0),
        ({"scoring": "signed"}, 1.0, -1.0),
        ({"overlong_buffer": 20}, 0.5, -0.5),
        ({"overlong_buffer": 20, "overlong_weight": 0.5, "scoring": "signed"}, 0.75, -1.25),
        ({"format_weight": 0.25}, 1.25, 0.25),
        ({"format_weight": 0.25, "overlong_buffer": 20, "scoring": "signed"}, 0.75, -1.25),
    ],
)
def test_shaping_changes_the_score_and_not_the_accuracy(options: dict, right: float, wrong: float) -> None:
    for answer, expected in (("7", right), ("8", wrong)):
        sample = asyncio.run(compute_score("test", rf"so</think>\boxed{{{answer}}}", "7", RESPONSE, **options))
        assert sample["score"] == pytest.approx(expected)
        assert sample["acc"] == float(answer == "7")
        assert {"overlong" in sample, "format" in sample} == {"overlong_buffer" in options, "format_weight" in options}


def test_a_penalty_on_a_length_that_nobody_tells_is_an_error() -> None:
    with pytest.raises(ValueError, match="overlong_buffer=20 needs the length of a response"):
        score(r"\boxed{7}", "7", overlong_buffer=20)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "box"}, "mode='box' is unknown"),
        ({"timeout": 0}, "timeout=0 must be a number of seconds"),
        ({"timeout": "2s"}, "timeout='2s' must be a number of seconds"),
        ({"scoring": "plus"}, "scoring='plus' must be one of"),
        ({"overlong_buffer": 100}, "overlong_buffer=100 is not less than data.max_response_length=100"),
    ],
)
def test_options_are_checked_before_a_run(options: dict, says: str) -> None:
    check_options({}, 100, tells_length=False)
    with pytest.raises(ValueError, match=says):
        check_options(options, 100, tells_length=True)


@pytest.mark.parametrize("options", [{"overlong_buffer": 20}, {"judge": {"url": "http://x/v1", "model": "m"}}])
def test_a_penalty_on_length_and_a_judge_s_budget_need_a_manager_that_tells_length_and_step(options: dict) -> None:
    check_options(options, 100, tells_length=True)
    with pytest.raises(ValueError, match="needs a reward manager that tells"):
        check_options(options, 100, tells_length=False)


def test_a_bad_gold_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            score(r"\boxed{7}", r"\frac{3}{")
    assert [record.message for record in caplog.records if r"\\frac{3}{" in record.message] == [
        "test: ground truth '\\\\frac{3}{' cannot be read and earns no reward; correct the data"
    ]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="timout"):
        score(r"\boxed{7}", "7", timout=2.0)


def test_verl_loads_it_and_aggregates_what_it_returns() -> None:
    from omegaconf import OmegaConf
    from verl.trainer.ppo.metric_utils import process_validation_metrics
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function = {"path": "pkg://dgpo.rewards.verl", "name": "compute_score", "reward_kwargs": {"timeout": 5.0}}
    loaded = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": function}}))
    assert loaded is not None

    async def group() -> list[dict[str, Any]]:
        responses = [r"\boxed{7}", r"\boxed{8}", "none", r"\boxed{7.0}"]
        calls = [
            loaded(data_source="test", solution_str=text, ground_truth="7", extra_info={"num_turns": 1})
            for text in responses
        ]
        return await asyncio.gather(*calls)

    samples = asyncio.run(group())
    columns = {key: [sample[key] for sample in samples] for key in samples[0]}
    metrics = process_validation_metrics(["test"] * 4, ["problem"] * 4, columns)["test"]
    assert set(metrics) == {"score", "acc"}
    assert metrics["acc"]["mean@4"] == 0.5
