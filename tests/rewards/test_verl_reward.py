import asyncio
import inspect
import logging
import time
from typing import Any

import pytest

from dgpo.rewards.pool import shared_pool
from dgpo.rewards.verl_reward import compute_score


def score(response: str, gold: Any, **options: Any) -> dict[str, float | str]:
    return asyncio.run(compute_score("test", response, gold, {}, **options))


def test_verl_awaits_it() -> None:
    assert inspect.iscoroutinefunction(compute_score)


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


def test_a_hung_answer_does_not_hold_up_the_event_loop() -> None:
    shared_pool().start()

    async def group() -> tuple[list[dict[str, float | str]], float, float]:
        started = time.monotonic()
        hung = asyncio.create_task(compute_score("test", r"\boxed{9^{9^{9}}}", "5", timeout=0.5))
        await asyncio.sleep(0)
        easy = await compute_score("test", r"\boxed{7}", "7")
        after_easy = time.monotonic() - started
        return [await hung, easy], after_easy, time.monotonic() - started

    (hung, easy), after_easy, total = asyncio.run(group())
    assert (hung["reason"], hung["score"], easy["score"]) == ("timeout", 0.0, 1.0)
    assert after_easy < total


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
    pytest.importorskip("verl")
    from omegaconf import OmegaConf
    from verl.trainer.ppo.metric_utils import process_validation_metrics
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function = {
        "path": "pkg://dgpo.rewards.verl_reward",
        "name": "compute_score",
        "reward_kwargs": {"timeout": 5.0},
    }
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
