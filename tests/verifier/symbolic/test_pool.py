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

from dgpo.verifier import verify
from dgpo.verifier.symbolic import pool as pool_module
from dgpo.verifier.symbolic.pool import Budget, Pool, shared_pool

LOOPS = r"\gcd(9^{9^{9}}, 7)"
"""Minutes of integer arithmetic, in one call of C code."""
GROWS = "(9^{9^{9}})!"
"""More memory than any machine has."""
PATIENCE = 60.0


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


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def busy(pool: Pool) -> list[int]:
    """Workers that are at a job, and those that are being killed or have just ended."""
    server, *idle = pool.pids()
    return [pid for pid in children(server) if pid not in idle]


@pytest.fixture(scope="module")
def workers() -> Iterator[Pool]:
    """One pool for the module, as each costs a start of math-verify; its processes are all gone at the end."""
    pool = Pool(size=2)
    pool.start()
    yield pool
    server = pool.pids()[0]
    processes = [server, *children(server)]
    pool.close()
    wait_until(lambda: not any(map(alive, processes)))


@pytest.fixture
def pool(workers: Pool) -> Iterator[Pool]:
    """A pool of two with an idle worker, which has no other than idle workers after the test and grades as before."""
    workers.start()
    yield workers
    assert workers.grade("x+9", "9+x", Budget(PATIENCE)) == "match"
    wait_until(lambda: not busy(workers))


def test_a_worker_killed_between_jobs_is_replaced_without_notice(pool: Pool) -> None:
    assert pool.grade("x+1", "1+x", Budget(10.0)) == "match"
    os.kill(pool.pids()[-1], signal.SIGKILL)
    assert pool.grade("x+2", "2+x", Budget(10.0)) == "match"
    assert pool.grade("x+2", "3+x", Budget(10.0)) == "mismatch"


def test_a_worker_killed_in_the_middle_of_a_job_gives_its_job_to_another(pool: Pool) -> None:
    outcomes: list[str] = []
    job = threading.Thread(target=lambda: outcomes.append(pool.grade("5", LOOPS, Budget(PATIENCE))))
    idle, kills = pool.pids()[-1], pool.kills
    job.start()
    wait_until(lambda: idle not in pool.pids())
    for _ in range(2):  # the second worker dies on the job as well
        worker = busy(pool)[0]
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda worker=worker: not alive(worker))
        wait_until(lambda: bool(outcomes) or any(map(alive, busy(pool))))
    job.join(PATIENCE)
    assert outcomes == ["crash"]
    assert pool.kills == kills + 2


def test_a_fork_server_killed_between_jobs_is_started_again(pool: Pool) -> None:
    pids = pool.pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids[1:])))
    assert pool.grade("x+3", "3+x", Budget(10.0)) == "match"


def test_the_fork_server_killed_in_the_middle_of_a_job(pool: Pool) -> None:
    outcomes: list[str] = []
    job = threading.Thread(target=lambda: outcomes.append(pool.grade("5", LOOPS, Budget(1.0))))
    server, *_, idle = pool.pids()
    job.start()
    wait_until(lambda: idle not in pool.pids())
    os.kill(server, signal.SIGKILL)
    job.join(PATIENCE)
    assert outcomes[0] in ("timeout", "crash")
    assert pool.pids()[:1] != [server]
    wait_until(lambda: not any(map(alive, [server, idle])))


def test_a_job_is_held_to_processor_time_and_not_to_the_clock(pool: Pool) -> None:
    """A worker that is stopped for longer than its job's seconds still gives its verdict."""
    worker = pool.pids()[-1]
    os.kill(worker, signal.SIGSTOP)
    resume = threading.Timer(1.0, os.kill, (worker, signal.SIGCONT))
    resume.start()
    assert pool.grade("x+7", "7+x", Budget(0.5)) == "match"
    resume.join()


def test_a_worker_that_hangs_without_work_is_killed(pool: Pool) -> None:
    worker = pool.pids()[-1]
    os.kill(worker, signal.SIGSTOP)
    assert pool.grade("x+8", "8+x", Budget(0.02)) == "timeout"
    wait_until(lambda: not alive(worker))


def test_a_late_worker_is_killed_and_leaves_no_process(pool: Pool) -> None:
    worker = pool.pids()[-1]
    assert pool.grade("5", LOOPS, Budget(0.3)) == "timeout"
    wait_until(lambda: not alive(worker))
    assert pool.grade("x+4", "4+x", Budget(10.0)) == "match"


def test_an_interrupted_job_leaves_no_worker_behind(pool: Pool) -> None:
    """As by Ctrl-C in a notebook, or by another library's alarm."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    worker, kills = pool.pids()[-1], pool.kills
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            pool.grade("5", LOOPS, Budget(PATIENCE))
    finally:
        signal.signal(signal.SIGALRM, before)
    wait_until(lambda: not alive(worker))
    assert pool.kills == kills + 1


def test_waiting_for_a_worker_is_not_taken_off_the_budget(pool: Pool) -> None:
    budget = Budget(2.0)
    holding = [threading.Thread(target=pool.grade, args=("5", LOOPS, Budget(2.5))) for _ in range(2)]
    for thread in holding:
        thread.start()
    wait_until(lambda: len(pool.pids()) == 1)
    assert [pool.grade(f"x+{n}", f"{n}+x", budget) for n in (1, 2)] == ["match", "match"]
    assert pool.grade("5", LOOPS, budget) == "timeout"
    assert pool.grade("x+3", "3+x", budget) == "timeout"
    for thread in holding:
        thread.join()


def test_the_kernel_ends_a_worker_that_nobody_stops(pool: Pool) -> None:
    """Its limit on processor time is a little over its job's."""
    pool.grade("x+1", "1+x", Budget(5.0))
    soft, _ = resource.prlimit(pool.pids()[-1], resource.RLIMIT_CPU)
    assert 6 <= soft <= 60


def test_a_worker_cannot_take_more_memory_than_its_limit() -> None:
    limit = 1 << 28
    small = Pool(size=1, memory_bytes=limit)
    try:
        assert small.grade("x+5", "5+x", Budget(10.0)) == "match"
        assert resource.prlimit(small.pids()[1], resource.RLIMIT_AS) == (limit, limit)
        assert small.grade("5", GROWS, Budget(20.0)) == "too_large"
        assert small.grade("x+6", "6+x", Budget(10.0)) == "match"
    finally:
        small.close()


def test_a_worn_worker_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "JOBS_PER_WORKER", 1)
    before = pool.pids()
    assert pool.grade("x+6", "6+x", Budget(10.0)) == "match"
    assert pool.pids() == before[:-1]
    wait_until(lambda: not alive(before[-1]))


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


def test_why_math_verify_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "math_verify.py").write_text("raise OSError('disk on fire')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"cannot use math-verify \(OSError: disk on fire\)"):
        Pool(size=1).start()


def test_workers_die_with_a_parent_killed_in_the_middle_of_a_job() -> None:
    code = (
        "import threading, time\n"
        "from dgpo.verifier.symbolic.pool import Budget, Pool\n"
        "pool = Pool(size=2); pool.start(); pids = pool.pids()\n"
        f"threading.Thread(target=pool.grade, args=('5', {LOOPS!r}, Budget(60.0)), daemon=True).start()\n"
        "time.sleep(0.3); print(*pids, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(map(alive, pids))
        parent.kill()
    wait_until(lambda: not any(map(alive, pids)))


def test_an_interpreter_ends_with_jobs_in_flight_and_leaves_no_process() -> None:
    code = (
        "import threading, time\n"
        "from dgpo.verifier import verify\n"
        "from dgpo.verifier.symbolic.pool import shared_pool\n"
        "shared_pool().start(); print(shared_pool().pids()[0], flush=True)\n"
        f"job = lambda: verify(r'\\boxed{{{LOOPS}}}', 'x', timeout=600)\n"
        "for _ in range(4): threading.Thread(target=job, daemon=True).start()\n"
        "time.sleep(0.5)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert ended.returncode == 0
    wait_until(lambda: not alive(int(ended.stdout)))


def test_a_forked_child_gets_its_own_pool() -> None:
    assert verify(r"\boxed{1+f(w)}", "f(w)+1", timeout=PATIENCE)
    parent = shared_pool().pids()
    child = os.fork()
    if child == 0:
        try:
            right = verify(r"\boxed{2+f(w)}", "f(w)+2", timeout=PATIENCE)
            is_own = not set(parent) & set(shared_pool().pids())
            shared_pool().close()
            os._exit(0 if right and is_own else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert verify(r"\boxed{3+f(w)}", "f(w)+3", timeout=PATIENCE) and shared_pool().pids() == parent
