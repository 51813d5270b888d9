"""The verifier where it will be used: threads, processes, event loops, batches, Ray."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgpo.verifier import verify, verify_batch
from dgpo.verifier.symbolic.pool import shared_pool

LOOPS = r"\gcd(9^{9^{9}}, 7)"
"""Minutes in one call of C code."""
PATIENCE = 60.0


def right_and_wrong(seed: int = 0) -> bool:
    """Two verdicts that need a worker, on expressions that no cache has seen."""
    gold = f"{seed + 3}(f(x)+f(y))"
    return bool(verify(rf"\boxed{{{seed + 3}f(y) + {seed + 3}f(x)}}", gold, timeout=PATIENCE)) and not verify(
        rf"\boxed{{{seed + 3}f(y) - {seed + 3}f(x)}}", gold, timeout=PATIENCE
    )


def test_processes_of_multiprocessing(tmp_path: Path) -> None:
    script = tmp_path / "jobs.py"
    script.write_text(
        "import multiprocessing\n"
        "from dgpo.verifier import verify\n"
        "def job(seed):\n"
        "    ok = bool(verify(rf'\\boxed{{{seed}f(y) + {seed}f(x)}}', f'{seed}(f(x)+f(y))', timeout=60))\n"
        "    return ok and not verify(rf'\\boxed{{{seed}f(y) - {seed}f(x)}}', f'{seed}(f(x)+f(y))', timeout=60)\n"
        "if __name__ == '__main__':\n"
        "    assert job(2)\n"
        "    for method in ('fork', 'spawn'):\n"
        "        with multiprocessing.get_context(method).Pool(2) as pool:\n"
        "            assert pool.map(job, range(3, 9)) == [True] * 6\n"
        "        assert job(11 + len(method))\n"
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=2 * PATIENCE)


def test_an_event_loop_with_verdicts_in_threads() -> None:
    async def group() -> list[bool]:
        return await asyncio.gather(*(asyncio.to_thread(right_and_wrong, 20 + index) for index in range(8)))

    assert asyncio.run(group()) == [True] * 8


def test_signals_of_the_caller_stay_its_own() -> None:
    """No SIGALRM is used: an alarm of the caller's own rings on time, in the middle of a verdict."""
    rung: list[int] = []
    shared_pool().start()
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        assert verify(rf"\boxed{{{LOOPS}}}", "5", timeout=0.5).reason == "timeout"
    finally:
        signal.signal(signal.SIGALRM, before)
    assert rung == [signal.SIGALRM]
    assert right_and_wrong(40)


def test_a_batch_with_hangs_keeps_the_right_verdicts() -> None:
    responses = [rf"\boxed{{{index}f(y) + {index}f(x)}}" for index in range(50, 70)]
    golds = [f"{index}(f(x)+f(y))" for index in range(50, 70)]
    responses[3] = responses[11] = rf"\boxed{{{LOOPS}}}"
    verdicts = verify_batch(responses, golds, timeout=2.0)
    assert [index for index, verdict in enumerate(verdicts) if not verdict] == [3, 11]


@pytest.mark.slow
def test_ray_actors() -> None:
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:

        @ray.remote(num_cpus=0.1)
        class Rewards:
            def score(self, response: str, gold: str) -> tuple[bool, str]:
                from dgpo.verifier import verify

                verdict = verify(response, gold, timeout=20.0 if "gcd" not in response else 0.5)
                return bool(verdict), verdict.reason

        actors = [Rewards.remote() for _ in range(2)]
        pairs = [(rf"\boxed{{{n}f(y) + {n}f(x)}}", f"{n}(f(x)+f(y))") for n in range(2, 10)] + [
            (rf"\boxed{{{LOOPS}}}", "5")
        ]
        found = [ray.get([actor.score.remote(*pair) for pair in pairs], timeout=PATIENCE) for actor in actors]
        assert found == [[(True, "match")] * 8 + [(False, "timeout")]] * 2
    finally:
        ray.shutdown()
