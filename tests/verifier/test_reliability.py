"""The verifier where it will be used and where things go wrong: each test ends with right verdicts and no process."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dgpo.verifier import verify, verify_batch
from dgpo.verifier.workers import Budget, Pool, shared_pool

LOOPS = r"\gcd(9^{9^{9}}, 7)"
"""Minutes in one call of C code."""
GROWS = "(9^{9^{9}})!"
PATIENCE = 60.0


def right_and_wrong(seed: int = 0) -> bool:
    """Two verdicts that need a worker, on expressions that no cache has seen."""
    gold = f"{seed + 3}(f(x)+f(y))"
    return bool(verify(rf"\boxed{{{seed + 3}f(y) + {seed + 3}f(x)}}", gold, timeout=PATIENCE)) and not verify(
        rf"\boxed{{{seed + 3}f(y) - {seed + 3}f(x)}}", gold, timeout=PATIENCE
    )


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool of two, whose processes are all gone after the test."""
    workers = Pool(size=2)
    workers.start()
    server = workers.pids()[0]
    yield workers
    assert workers.grade("x+9", "9+x", Budget(PATIENCE)) == "match"
    processes = [server, *children(server), *workers.pids()]
    workers.close()
    wait_until(lambda: not any(map(alive, processes)))


def test_a_worker_killed_in_the_middle_of_a_job_gives_its_job_to_another(pool: Pool) -> None:
    outcomes: list[str] = []
    job = threading.Thread(target=lambda: outcomes.append(pool.grade("5", LOOPS, Budget(PATIENCE))))
    server, idle = pool.pids()
    job.start()
    wait_until(lambda: idle not in pool.pids())
    for _ in range(2):  # the second worker dies on the job as well
        busy = children(server)
        os.kill(busy[0], signal.SIGKILL)
        wait_until(lambda busy=busy: not alive(busy[0]))
        wait_until(lambda: bool(outcomes) or any(map(alive, children(server))))
    job.join(PATIENCE)
    assert outcomes == ["crash"]
    assert pool.kills == 2


def test_the_fork_server_killed_in_the_middle_of_a_job(pool: Pool) -> None:
    outcomes: list[str] = []
    job = threading.Thread(target=lambda: outcomes.append(pool.grade("5", LOOPS, Budget(1.0))))
    server, idle = pool.pids()
    job.start()
    wait_until(lambda: idle not in pool.pids())
    os.kill(server, signal.SIGKILL)
    job.join(PATIENCE)
    assert outcomes[0] in ("timeout", "crash")
    assert pool.pids()[:1] != [server]


def test_an_interrupted_job_leaves_no_worker_behind(pool: Pool) -> None:
    """As by Ctrl-C in a notebook, or by another library's alarm."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    busy = pool.pids()[1]
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            pool.grade("5", LOOPS, Budget(PATIENCE))
    finally:
        signal.signal(signal.SIGALRM, before)
    wait_until(lambda: not alive(busy))
    assert pool.kills == 1


def test_waiting_for_a_worker_is_not_taken_off_the_budget(pool: Pool) -> None:
    budget = Budget(2.0)
    busy = [threading.Thread(target=pool.grade, args=("5", LOOPS, Budget(2.5))) for _ in range(2)]
    for thread in busy:
        thread.start()
    wait_until(lambda: len(pool.pids()) == 1)
    assert [pool.grade(f"x+{n}", f"{n}+x", budget) for n in (1, 2)] == ["match", "match"]
    assert pool.grade("5", LOOPS, budget) == "timeout"
    assert pool.grade("x+3", "3+x", budget) == "timeout"
    for thread in busy:
        thread.join()


def test_the_kernel_ends_a_worker_that_nobody_stops(pool: Pool) -> None:
    """Its limit on processor time is a little over its job's."""
    pool.grade("x+1", "1+x", Budget(5.0))
    soft, _ = resource.prlimit(pool.pids()[1], resource.RLIMIT_CPU)
    assert 6 <= soft <= 60


def test_why_math_verify_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "math_verify.py").write_text("raise OSError('disk on fire')")
    code = "from dgpo.verifier import verify; verify('f(x)+1', '1+f(x)', mode='answer')"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "RuntimeError: the answer-checking process cannot use math-verify (OSError: disk on fire)" in done.stderr


def test_a_full_queue_from_sixteen_threads(pool: Pool) -> None:
    """Eight times more threads than workers, a hang among every ten jobs, and once a memory hog."""

    def work(index: int) -> str:
        if index % 10 == 0:
            return pool.grade("5", LOOPS, Budget(0.1))
        if index == 35:
            return pool.grade("5", GROWS, Budget(2.0))
        return pool.grade(f"x+{index}", f"{index}+x" if index % 2 else f"{index}-x", Budget(PATIENCE))

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(work, range(80)))
    for index, outcome in enumerate(outcomes):
        if index % 10 and index != 35:
            assert outcome == ("match" if index % 2 else "mismatch"), index
        else:
            assert outcome in ("timeout", "too_large", "crash"), index


def test_an_interpreter_ends_with_jobs_in_flight_and_leaves_no_process() -> None:
    code = (
        "import threading, time\n"
        "from dgpo.verifier import verify\n"
        "from dgpo.verifier.workers import shared_pool\n"
        "shared_pool().start(); print(shared_pool().pids()[0], flush=True)\n"
        f"job = lambda: verify(r'\\boxed{{{LOOPS}}}', 'x', timeout=600)\n"
        "for _ in range(4): threading.Thread(target=job, daemon=True).start()\n"
        "time.sleep(0.5)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert ended.returncode == 0
    wait_until(lambda: not alive(int(ended.stdout)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_multiprocessing(method: str, tmp_path: Path) -> None:
    script = tmp_path / "jobs.py"
    script.write_text(
        "import multiprocessing\n"
        "from dgpo.verifier import verify\n"
        "def job(seed):\n"
        "    ok = bool(verify(rf'\\boxed{{{seed}f(y) + {seed}f(x)}}', f'{seed}(f(x)+f(y))', timeout=60))\n"
        "    return ok and not verify(rf'\\boxed{{{seed}f(y) - {seed}f(x)}}', f'{seed}(f(x)+f(y))', timeout=60)\n"
        "if __name__ == '__main__':\n"
        "    assert job(2)\n"
        f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
        "        assert pool.map(job, range(3, 9)) == [True] * 6\n"
        "    assert job(11)\n"
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=PATIENCE)


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
