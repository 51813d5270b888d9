"""The verifier where it will be used: threads, processes, event loops, Ray."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from dgpo.verifier import verify

PATIENCE = 60.0


def right_and_wrong(seed: int = 0) -> bool:
    """Two verdicts on expressions that no cache has seen."""
    gold = f"{seed + 3}(f(x)+f(y))"
    return bool(verify(rf"\boxed{{{seed + 3}f(y) + {seed + 3}f(x)}}", gold)) and not verify(
        rf"\boxed{{{seed + 3}f(y) - {seed + 3}f(x)}}", gold
    )


def test_processes_of_multiprocessing(tmp_path: Path) -> None:
    script = tmp_path / "jobs.py"
    script.write_text(
        "import multiprocessing\n"
        "from dgpo.verifier import verify\n"
        "def job(seed):\n"
        "    ok = bool(verify(rf'\\boxed{{{seed}f(y) + {seed}f(x)}}', f'{seed}(f(x)+f(y))'))\n"
        "    return ok and not verify(rf'\\boxed{{{seed}f(y) - {seed}f(x)}}', f'{seed}(f(x)+f(y))')\n"
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


@pytest.mark.slow
def test_ray_actors() -> None:
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:

        @ray.remote(num_cpus=0.1)
        class Rewards:
            def score(self, response: str, gold: str) -> tuple[bool, str]:
                from dgpo.verifier import verify

                verdict = verify(response, gold)
                return bool(verdict), verdict.reason

        actors = [Rewards.remote() for _ in range(2)]
        pairs = [(rf"\boxed{{{n}f(y) + {n}f(x)}}", f"{n}(f(x)+f(y))") for n in range(2, 10)]
        found = [ray.get([actor.score.remote(*pair) for pair in pairs]) for actor in actors]
        assert found == [[(True, "match")] * 8] * 2
    finally:
        ray.shutdown()
