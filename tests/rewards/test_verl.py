import asyncio
import contextlib
import inspect
import itertools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from dgpo.rewards import verl as verl_reward
from dgpo.rewards.verl import RESPONSE_FACTS, check_options, compute_score
from dgpo.verifier.symbolic.pool import Budget, shared_pool


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


@pytest.fixture
def idle_pool() -> Iterator[None]:
    """A pool with an idle worker that has done a job, and a clean count of restarts; who leaves the pool has ended."""
    shared_pool().start()
    shared_pool().grade("x+1", "1+x", Budget(20.0))
    verl_reward._new_restarts()
    before = [psutil.Process(pid) for pid in shared_pool().pids()]
    yield
    now = shared_pool().pids()
    _, alive = psutil.wait_procs([process for process in before if process.pid not in now], timeout=20)
    assert not alive


def stop(*pids: int) -> None:
    """Have processes hang, whatever they run."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def test_a_hung_answer_does_not_hold_up_the_event_loop(idle_pool: None) -> None:
    stop(shared_pool().pids()[-1])

    async def group() -> tuple[list[dict[str, float | str]], float, float]:
        started = time.monotonic()
        hung = asyncio.create_task(compute_score("test", r"\boxed{f(x)+3}", "3+f(x)", timeout=0.05))
        await asyncio.sleep(0)
        easy = await compute_score("test", r"\boxed{7}", "7")
        after_easy = time.monotonic() - started
        return [await hung, easy], after_easy, time.monotonic() - started

    (hung, easy), after_easy, total = asyncio.run(group())
    assert (hung["reason"], hung["score"], easy["score"]) == ("timeout", 0.0, 1.0)
    assert after_easy < total
    # The worker was killed: told once, with whichever sample came next.
    assert sum(int(sample["restarts"]) for sample in (hung, easy, score(r"\boxed{7}", "7"))) == 1
    assert score(r"\boxed{f(x)+3}", "3+f(x)", timeout=20.0)["score"] == 1.0


def test_no_sample_waits_beyond_its_deadline(idle_pool: None) -> None:
    """With the fork server stopped nothing can be forked or killed, and every job hangs."""
    stop(*shared_pool().pids())

    async def group() -> list[dict[str, float | str]]:
        calls = [
            compute_score("test", rf"\boxed{{f(x)+{i}}}", f"{i}+f(x)", timeout=0.2, deadline=1.0) for i in range(20, 40)
        ]
        return await asyncio.gather(*calls)

    loop = asyncio.new_event_loop()
    started = time.monotonic()
    samples = loop.run_until_complete(group())
    # 10 s is what a stopped fork server costs by itself.
    assert time.monotonic() - started < 8
    assert {(sample["reason"], sample["score"]) for sample in samples} == {("timeout", 0.0)}
    assert score(r"\boxed{f(x)+3}", "3+f(x)", timeout=20.0, deadline=60.0)["score"] == 1.0
    loop.close()


def test_workers_killed_under_a_hostile_group_change_no_other_verdict(idle_pool: None) -> None:
    """kill -9 hits whatever worker is busy, ten times, while an event loop grades hostile and honest responses."""
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
    server = psutil.Process(shared_pool().pids()[0])
    stopped = threading.Event()

    def kill_workers() -> None:
        for _ in range(10):
            for worker in server.children()[:1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
            if stopped.wait(0.1):
                return

    async def group() -> list[dict[str, float | str]]:
        honest = [
            compute_score("test", rf"\boxed{{{i}+f(y)}}", f"f(y)+{i}", timeout=10.0, deadline=600.0) for i in range(40)
        ]
        bad = [compute_score("test", text, "7", timeout=0.5) for text in hostile for _ in range(3)]
        return await asyncio.gather(*(call for pair in itertools.zip_longest(honest, bad) for call in pair if call))

    killer = threading.Thread(target=kill_workers)
    killer.start()
    samples = asyncio.run(group())
    stopped.set()
    killer.join()
    right = [sample for sample in samples if sample["score"] == 1.0]
    # Two of the ten kills on one job are its end: `crash`. Any other honest answer is right, and no hostile one.
    crashed = [sample for sample in samples if sample["reason"] == "crash" and str(sample["pred"]).endswith("+f(y)")]
    assert len(samples) == 64 and len(right) == 40 - len(crashed) and len(crashed) <= 5
    assert all(str(sample["pred"]).endswith("+f(y)") for sample in right)
    assert len({tuple(sample) for sample in samples}) == 1
    assert not os.path.exists("hacked")
    assert score(r"\boxed{f(x)+3}", "3+f(x)", timeout=20.0)["score"] == 1.0


def test_a_worker_that_cannot_be_started_costs_the_sample_and_is_logged(
    idle_pool: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_pool().close()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    sample = score(r"\boxed{f(z)+5}", "5+f(z)")
    assert (sample["reason"], sample["score"]) == ("crash", 0.0)
    assert "answers that need math-verify earn no reward" in caplog.text and "/nowhere/python" in caplog.text


def test_a_forked_child_grades_with_threads_and_counts_of_its_own(idle_pool: None) -> None:
    assert score(r"\boxed{1+f(x)}", "f(x)+1", timeout=20.0)["score"] == 1.0
    shared_pool().kills += 3
    assert score(r"\boxed{2+f(x)}", "f(x)+2", timeout=20.0)["restarts"] == "3"
    child = os.fork()
    if child == 0:
        try:
            told = score(r"\boxed{3+f(x)}", "f(x)+3", timeout=20.0)
            shared_pool().close()
            os._exit(0 if (told["reason"], told["restarts"]) == ("match", "0") else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_same_pair_is_graded_once(idle_pool: None) -> None:
    first, second = (score(r"\boxed{f(u)+77}", "77+f(u)", timeout=20.0) for _ in range(2))
    assert (first["cached"], second["cached"], second["score"]) == ("0", "1", 1.0)


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
        ({"timeout": 0}, "timeout=0 must be a positive number"),
        ({"timeout": "2s"}, "timeout='2s' must be a positive number"),
        ({"deadline": 1.0}, "deadline=1.0 is shorter than timeout=2.0"),
        ({"scoring": "plus"}, "scoring='plus' is unknown"),
        ({"overlong_buffer": 100}, "overlong_buffer=100 is not less than data.max_response_length=100"),
    ],
)
def test_options_are_checked_before_a_run(options: dict, says: str) -> None:
    check_options({}, 100, tells_length=False)
    with pytest.raises(ValueError, match=says):
        check_options(options, 100, tells_length=True)


def test_a_manager_that_does_not_tell_the_length_cannot_have_a_penalty_on_it() -> None:
    check_options({"overlong_buffer": 20}, 100, tells_length=True)
    with pytest.raises(ValueError, match="needs a reward manager that tells"):
        check_options({"overlong_buffer": 20}, 100, tells_length=False)


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
        "path": "pkg://dgpo.rewards.verl",
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
