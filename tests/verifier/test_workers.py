import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from dgpo.verifier import workers as pool_module
from dgpo.verifier.workers import Budget, Pool

LOOPS = r"\gcd(9^{9^{9}}, 7)"
"""Minutes of integer arithmetic, in one call of C code."""
GROWS = "(9^{9^{9}})!"
"""More memory than any machine has."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    workers = Pool(size=2)
    yield workers
    workers.close()


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pids: list[int], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


def test_a_worker_killed_between_jobs_is_replaced_without_notice(pool: Pool) -> None:
    assert pool.grade("x+1", "1+x", Budget(10.0)) == "match"
    os.kill(pool.pids()[1], signal.SIGKILL)
    assert pool.grade("x+2", "2+x", Budget(10.0)) == "match"
    assert pool.grade("x+2", "3+x", Budget(10.0)) == "mismatch"


def test_a_fork_server_killed_between_jobs_is_started_again(pool: Pool) -> None:
    pool.start()
    pids = pool.pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_for_end(pids[1:])
    assert pool.grade("x+3", "3+x", Budget(10.0)) == "match"


def test_a_late_worker_is_killed_and_leaves_no_process(pool: Pool) -> None:
    pool.start()
    worker = pool.pids()[1]
    started = time.monotonic()
    assert pool.grade("5", LOOPS, Budget(0.3)) == "timeout"
    assert time.monotonic() - started < 10.0
    wait_for_end([worker])
    assert pool.grade("x+4", "4+x", Budget(10.0)) == "match"


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
    pool.close()
    assert pool.grade("x+6", "6+x", Budget(10.0)) == "match"
    assert len(pool.pids()) == 1


def test_workers_die_with_a_parent_killed_in_the_middle_of_a_job() -> None:
    code = (
        "import threading, time\n"
        "from dgpo.verifier.workers import Budget, Pool\n"
        "pool = Pool(size=2); pool.start(); pids = pool.pids()\n"
        f"threading.Thread(target=pool.grade, args=('5', {LOOPS!r}, Budget(60.0)), daemon=True).start()\n"
        "time.sleep(0.3); print(*pids, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(map(alive, pids))
        parent.kill()
    wait_for_end(pids)


def test_a_forked_child_gets_its_own_pool() -> None:
    code = (
        "import os\n"
        "from dgpo.verifier import verify\n"
        "from dgpo.verifier.workers import shared_pool\n"
        "assert verify(r'\\boxed{1+f(x)}', 'f(x)+1', timeout=10); parent = shared_pool().pids()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ok = verify(r'\\boxed{2+f(x)}', 'f(x)+2') and not set(parent) & set(shared_pool().pids())\n"
        "    shared_pool().close(); os._exit(0 if ok else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert verify(r'\\boxed{3+f(x)}', 'f(x)+3', timeout=10) and shared_pool().pids() == parent\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
