"""Killable worker processes for math-verify, callable from any thread.

A fork server starts with the first job and forks workers as they are needed (`fork_server`). A worker has one job at
a time. The kernel ends one that has used up its processor time, this process one that hangs, and the next job gets a
fresh fork. A plain fork of this process would be unsafe (Ray
and torch run threads here), and a fresh interpreter per worker would cost over a second each.
"""

import atexit
import json
import os
import threading
import time

from dgpo.verifier.fork_server import NO_ROOM, ForkServer, Worker, WorkerGone

MEMORY_BYTES = 1 << 30
MAX_WORKERS = 16
PATIENCE = 30.0
"""A job's time on the clock, in multiples of its processor time: a machine may be that busy before a worker hangs."""
JOBS_PER_WORKER = 1000
"""A worker is replaced after this many jobs, so that what sympy caches cannot grow without end."""


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
        self._idle: list[Worker] = []
        self._server: ForkServer | None = None

    def grade(self, gold: str, answer: str, budget: Budget) -> str:
        """`grading.grade` in a worker. Also ``timeout``, and ``crash`` if two workers died on the job.

        ``budget`` is processor time, so that neither a busy pool nor a busy machine turns a right answer wrong. On
        the clock a job may take `PATIENCE` times as long, the wait for a free worker and the start of the fork
        server (about 1.5 s, once per process) not counted.

        Raises RuntimeError where no worker can be started.
        """
        job = json.dumps([gold, answer, budget.left]).encode() + b"\n"
        with self._slots:
            for fresh in (False, True):
                if budget.left <= 0:
                    return "timeout"
                worker = self._take(fresh)
                try:
                    reply = worker.ask(job, time.monotonic() + PATIENCE * budget.left)
                except WorkerGone:
                    if self._discard(worker):
                        budget.left = 0.0
                        return "timeout"
                except TimeoutError:
                    self._discard(worker)
                    return "timeout"
                except BaseException:  # an interrupt, while the worker is in the middle of the job
                    self._discard(worker)
                    raise
                else:
                    self._give_back(worker)
                    budget.left -= reply.seconds
                    return reply.outcome
        return "crash"

    def start(self) -> None:
        """Start the fork server and one worker now, where the first job should not pay for it."""
        with self._slots:
            self._give_back(self._take(fresh=False))

    def pids(self) -> list[int]:
        """The process ids of the fork server and of the idle workers; empty before the first job."""
        with self._lock:
            return [self._server.pid, *(worker.pid for worker in self._idle)] if self._server else []

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

    def _take(self, fresh: bool) -> Worker:
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
            try:
                return self._started().fork()
            except (WorkerGone, OSError):
                self._drop_server()
            try:
                return self._started().fork()
            except (WorkerGone, OSError) as error:
                self._drop_server()
                raise RuntimeError(
                    f"no answer-checking process can be started ({str(error) or 'it ended at once'}): {NO_ROOM}"
                ) from error

    def _give_back(self, worker: Worker) -> None:
        worker.done += 1
        if worker.done >= JOBS_PER_WORKER:
            worker.jobs.close()
            return
        with self._lock:
            self._idle.append(worker)

    def _discard(self, worker: Worker) -> bool:
        """Ends ``worker``; whether it had used up its processor time."""
        with self._lock:
            self.kills += 1
            if self._server is None:
                return False
            try:
                return self._server.kill(worker)
            except (WorkerGone, OSError):
                self._drop_server()
                return False

    def _started(self) -> ForkServer:
        if self._server is None:
            self._server = ForkServer(self._memory_bytes)
        return self._server

    def _drop_server(self) -> None:
        for worker in self._idle:
            worker.jobs.close()
        self._idle.clear()
        if self._server is not None:
            self._server.stop()
        self._server = None


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
