"""Killable worker processes for math-verify, callable from any thread.

A `fork_server` starts with the first job and forks workers as they are needed. A worker has one job at a time. The
kernel ends one that has used up its processor time, the server one that this process lets go, and the next job gets a
fresh fork. A plain fork of this process would be unsafe (Ray and torch run threads here), and a fresh interpreter per
worker would cost over a second each.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1 << 30
MAX_WORKERS = 16
PATIENCE = 30.0
"""A job's limit on the clock in multiples of its processor time, so that a busy machine is not taken for a hang."""
JOBS_PER_WORKER = 1000
"""A worker is replaced after this many jobs, so that what sympy caches cannot grow without end."""
START_SECONDS = 60.0
FORK_SECONDS = 10.0
NO_ROOM = "is there memory for one more, and does the limit on processes (ulimit -u) allow it?"
"""The remedy in messages that no process can be started."""
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "SYMPY_GROUND_TYPES": "python",  # gmpy2 aborts the process where Python's integers raise MemoryError
    "MPMATH_NOGMPY": "1",
}


class Budget:
    """Seconds of a worker's processor time that one verdict may take, over all its comparisons."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


class Pool:
    """Up to ``size`` workers (one for each core, at most `MAX_WORKERS`), started on demand and shared by all threads.

    Attributes:
        kills: How many workers ended before their job was done.
    """

    def __init__(self, size: int | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self.size = size or min(MAX_WORKERS, os.cpu_count() or 1)
        self.kills = 0
        self._memory_bytes = memory_bytes
        self._slots = threading.BoundedSemaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._server: _Server | None = None

    def grade(self, gold: str, answer: str, budget: Budget) -> str:
        """`grading.grade` in a worker. Also ``timeout``, and ``crash`` if two workers died on the job.

        ``budget`` is processor time, so that neither a busy pool nor a busy machine turns a right answer wrong. On
        the clock a job may take `PATIENCE` times as long, the wait for a free worker and the start of the fork
        server (about 1.5 s, once per process) not counted.

        Raises RuntimeError where no worker can be started.
        """
        with self._slots:
            for is_fresh in (False, True):
                if budget.left <= 0:
                    return "timeout"
                outcome = self._outcome(self._worker(is_fresh), budget, gold, answer)
                if outcome != "crash":
                    return outcome
        return "crash"

    def start(self) -> None:
        """Start the fork server and one worker now, where the first job should not pay for it."""
        with self._slots:
            self._let_go(self._worker(), is_spent=False)

    def pids(self) -> list[int]:
        """The process ids of the fork server and of the idle workers; empty before the first job."""
        with self._lock:
            return [self._server.process.pid, *(worker.pid for worker in self._idle)] if self._server else []

    def close(self) -> None:
        """End the fork server and all workers; a later job starts them again."""
        with self._lock:
            self._drop_server()

    def forget(self) -> None:
        """In a forked child: let go of the parent's processes without touching them."""
        for worker in self._idle:
            worker.jobs.close()
        if self._server is not None:
            self._server.forget()

    def _outcome(self, worker: "_Worker", budget: Budget, gold: str, answer: str) -> str:
        """The outcome of ``worker``, or ``timeout`` or ``crash``."""
        outcome, seconds = "crash", 0.0
        try:
            worker.jobs.sendall(json.dumps([gold, answer, budget.left]).encode() + b"\n")
            outcome, seconds = _read_line(worker.jobs, PATIENCE * budget.left)
        except TimeoutError:
            outcome = "timeout"
        except OSError:  # the server has ended, and its workers with it
            pass
        finally:  # also of an interrupt
            with self._lock:
                self.kills += outcome in ("timeout", "crash")
            self._let_go(worker, is_spent=outcome in ("timeout", "crash", "too_large"))
        budget.left = 0.0 if outcome == "timeout" else budget.left - seconds
        return outcome

    def _let_go(self, worker: "_Worker", is_spent: bool) -> None:
        """Keep ``worker`` for the next job, unless it is spent or worn."""
        worker.done += 1
        if is_spent or worker.done >= JOBS_PER_WORKER:
            with suppress(OSError):  # it may have ended
                worker.jobs.shutdown(socket.SHUT_RDWR)  # which the copies that forked children may have do not hold up
            worker.jobs.close()
            return
        with self._lock:
            self._idle.append(worker)

    def _worker(self, is_fresh: bool = False) -> "_Worker":
        reason = ""
        with self._lock:
            if self._idle and not is_fresh:
                return self._idle.pop()
            for _ in range(2):
                try:
                    self._server = self._server or _Server(self._memory_bytes)
                    return self._server.fork()
                except OSError as error:
                    reason = str(error)
                    self._drop_server()
        raise RuntimeError(f"no answer-checking process can be started ({reason}): {NO_ROOM}")

    def _drop_server(self) -> None:
        for worker in self._idle:
            worker.jobs.close()
        self._idle.clear()
        if self._server is not None:
            self._server.stop()
        self._server = None


@dataclass
class _Worker:
    """A worker's process id, our end of the socket of its jobs, and how many it has done."""

    pid: int
    jobs: socket.socket
    done: int = 0


class _Server:
    """A started `fork_server`. Raises RuntimeError where it does not start, or has no use of math-verify."""

    def __init__(self, memory_bytes: int) -> None:
        self._control, theirs = socket.socketpair()
        script = Path(__file__).with_name("fork_server.py")
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, script, str(theirs.fileno()), str(os.getpid()), str(memory_bytes)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **_ENVIRONMENT},
            )
        why = f"run `{sys.executable} -c 'import math_verify'`"
        try:
            [started] = _read_line(self._control, START_SECONDS)
        except OSError as error:
            self.stop()
            raise RuntimeError(
                f"the answer-checking process ended, or did not start within {START_SECONDS:.0f} s; {why} to see why"
            ) from error
        if started != self.process.pid:
            self.stop()
            raise RuntimeError(
                f"the answer-checking process cannot use math-verify ({started}); {why}, and pip install math-verify"
            )

    def fork(self) -> _Worker:
        """A new worker, in milliseconds. Raises OSError where there is none."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"F"], [theirs.fileno()])
            [pid] = _read_line(ours, FORK_SECONDS)
            if not isinstance(pid, int):
                raise OSError(pid)
        except BaseException:
            ours.close()
            raise
        return _Worker(pid, ours)

    def stop(self) -> None:
        """End the server; the kernel then ends its workers."""
        self._control.close()
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's server without touching it."""
        self._control.close()
        self.process.returncode = 0


def _read_line(end: socket.socket, seconds: float) -> Any:
    """The next JSON line. Raises TimeoutError where nothing comes for so long, OSError where the other side ends."""
    end.settimeout(seconds)
    line = b""
    while not line.endswith(b"\n"):
        received = end.recv(1)  # another line may follow
        if not received:
            raise ConnectionResetError("it ended at once")
        line += received
    return json.loads(line)


_shared: Pool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> Pool:
    """The pool of this process; a forked child gets its own."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Pool()
            atexit.register(_shared.close)
        return _shared


def _forget_in_child() -> None:
    global _shared, _shared_lock
    if _shared is not None:
        _shared.forget()
        atexit.unregister(_shared.close)
    _shared, _shared_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_in_child)
