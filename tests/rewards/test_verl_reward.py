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
    assert [sample["bad_gold"] for sample in samples] == [0.0] * 4 + [1.0, 1.0, 0.0]
    assert [sample["answered"] for sample in samples[:2]] == [1.0, 0.0]
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
    assert (hung["reason"], hung["timeout"], hung["score"], easy["score"]) == ("timeout", 1.0, 0.0, 1.0)
    assert after_easy < 0.2 and total < 0.7


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
