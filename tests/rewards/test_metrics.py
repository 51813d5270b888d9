import asyncio

import pytest

from dgpo.rewards.metrics import reward_metrics
from dgpo.rewards.verl import RESPONSE_FACTS, compute_score


def graded(*responses: str, tokens: int = 50, **options) -> list[dict]:
    """What the reward function says of responses to a problem whose answer is 7."""
    facts = {RESPONSE_FACTS: {"tokens": tokens, "longest": 100, "truncated": tokens >= 100}}

    async def group() -> list[dict]:
        calls = [compute_score("test", text, "7", facts, timeout=20.0, **options) for text in responses]
        return list(await asyncio.gather(*calls))

    return asyncio.run(group())


def test_the_shares_of_reasons_and_of_stages_add_up_to_one() -> None:
    metrics = reward_metrics(graded(r"\boxed{7}", r"\boxed{8}", r"\boxed{7 or 8}", "seven", r"\boxed{7.0}"))
    for kind in ("reason", "stage"):
        shares = [value for key, value in metrics.items() if key.startswith(f"reward/{kind}/")]
        assert sum(shares) == pytest.approx(1)
    assert metrics["reward/accuracy"] == metrics["reward/reason/match"] == pytest.approx(0.4)
    assert metrics["reward/reason/no_answer"] == metrics["reward/reason/hedge"] == pytest.approx(0.2)
    assert metrics["reward/reason/timeout"] == 0
    assert 0 <= metrics["reward/seconds/p50"] <= metrics["reward/seconds/p99"] <= metrics["reward/seconds/max"]


def test_truncation_and_the_terms_of_the_shaping_are_averaged() -> None:
    options = {"overlong_buffer": 20, "format_weight": 0.5, "scoring": "signed"}
    samples = graded("so</think>\\boxed{7}", tokens=90, **options) + graded("7, so", tokens=100, **options)
    metrics = reward_metrics(samples)
    assert metrics["reward/truncated"] == 0.5
    assert metrics["reward/overlong/mean"] == pytest.approx(-0.75)
    assert metrics["reward/format/share"] == 0.5
    # Of the answers, not of the score.
    assert metrics["reward/accuracy"] == 0.5


def test_keys_are_the_same_in_every_batch_of_a_run() -> None:
    assert set(reward_metrics(graded(r"\boxed{7}"))) == set(reward_metrics(graded("", r"\boxed{x+2}")))
    assert "reward/overlong/mean" not in reward_metrics(graded(r"\boxed{7}"))


def test_answers_on_which_the_function_failed_are_counted_up_to_a_half() -> None:
    samples = [{"score": 0.0, "error": "ValueError: no"}, *[{"score": 1.0}] * 3]
    assert reward_metrics(samples) == {"reward/errors": 0.25}
    assert reward_metrics(samples[:2]) == {"reward/errors": 0.5}


def test_another_reward_function_has_no_such_metrics() -> None:
    assert reward_metrics([]) == {} and reward_metrics([{"score": 1.0, "acc": 1.0}]) == {"reward/errors": 0.0}
    (sample,) = graded("7")
    del sample["seconds"]
    assert reward_metrics([sample]) == {"reward/errors": 0.0}
