"""The script that forks workers for math-verify.

It imports math-verify once and stays single-threaded, so that a fork takes milliseconds and is safe, and only it kills
and reaps workers, so that a process id is never mistaken. A request is a socket, sent over the control socket; what is
said there is a line of JSON each: the process id of the worker that waits for jobs on it, or why there is none; then
the jobs and their replies. Whoever closes the socket has the worker killed. The server leaves when the pool's end of
the control socket closes or its parent is gone, and the kernel then kills its workers, even those inside C code.

A job's seconds are the worker's own processor time, kept by the kernel (ITIMER_PROF), so that a busy machine makes no
right answer late. The script imports nothing of dgpo but `grading`, so that starting it is cheap.
"""

import ctypes
import gc
import importlib
import json
import logging
import math
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

Grade = Callable[[str, str], str]
_PARENT_POLL_MS = 1000
_PR_SET_PDEATHSIG = 1


class _Worker(NamedTuple):
    """A worker's process id, the socket of its jobs, and a pipe that closes when it ends."""

    pid: int
    jobs: socket.socket
    life: int


def main(grade: Grade, control_fd: int, parent_pid: int, memory_bytes: int) -> None:
    """Serve the control socket until the pool goes away."""
    control = socket.socket(fileno=control_fd)
    logging.disable(logging.CRITICAL)
    try:
        grade("x+1", "1+x")  # imports math-verify and builds its grammar tables, which every fork then shares
    except Exception as error:
        _send(control, f"{type(error).__name__}: {error}")
        return
    gc.collect()
    gc.freeze()
    _send(control, os.getpid())
    events = select.poll()
    events.register(control, select.POLLIN)
    workers: dict[int, _Worker] = {}
    while os.getppid() == parent_pid:
        for descriptor, _ in events.poll(_PARENT_POLL_MS):  # the control socket first, so that no end is a new one's
            if descriptor == control_fd:
                message, fds, _, _ = socket.recv_fds(control, 1, 1)
                if not message:
                    return
                if worker := _forked(socket.socket(fileno=fds[0]), memory_bytes, grade):
                    for end in (worker.jobs.fileno(), worker.life):
                        workers[end] = worker
                        events.register(end, 0)  # its end alone: the jobs are the worker's to read
            elif worker := workers.get(descriptor):
                for end in (worker.jobs.fileno(), worker.life):
                    del workers[end]
                    events.unregister(end)
                _end(worker)


def _send(end: socket.socket, *message: Any) -> None:
    with suppress(OSError):  # nobody waits for it any more
        end.sendall(json.dumps(message).encode() + b"\n")


def _forked(jobs: socket.socket, memory_bytes: int, grade: Grade) -> _Worker | None:
    server = os.getpid()
    try:
        life, held = os.pipe()
        pid = os.fork()
    except OSError as error:
        _send(jobs, error.strerror)
        jobs.close()
        return None
    if pid == 0:
        _die_with(server)
        _serve(jobs, memory_bytes, grade)
        os._exit(0)
    os.close(held)
    _send(jobs, pid)
    return _Worker(pid, jobs, life)


def _end(worker: _Worker) -> None:
    """Kill a worker whose socket the pool has closed, and reap it; tell the pool if its limit or a crash ended it."""
    os.kill(worker.pid, signal.SIGKILL)
    status = os.waitpid(worker.pid, 0)[1]
    if os.WIFSIGNALED(status):
        _send(worker.jobs, "timeout" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGXCPU) else "crash", 0.0)
    worker.jobs.close()
    os.close(worker.life)


def _die_with(server: int) -> None:
    """Have the kernel kill this worker when the server ends; exit if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(0)


def _serve(jobs: socket.socket, memory_bytes: int, grade: Grade) -> None:
    """Grade one job at a time, until the pool lets go. A reply is the outcome and its seconds."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    for line in jobs.makefile("rb"):
        gold, answer, seconds = json.loads(line)
        _limit_cpu(seconds)
        started = time.process_time()
        try:
            outcome = grade(gold, answer)
        except MemoryError:
            outcome = "too_large"
        except Exception:  # whatever sympy raises on nonsense, the answer is nothing that it can read
            outcome = "unparsed"
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(jobs, outcome, time.process_time() - started)


def _limit_cpu(seconds: float) -> None:
    """Have the kernel end this worker after ``seconds`` of processor time, whether anybody waits for it or not.

    The resource limit, in whole seconds, is there for a library that takes the timer.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = math.ceil(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    grading = importlib.import_module("grading")  # from this folder
    folder = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]  # `compare` and `pool` are no top-level names
    main(grading.grade, *(int(argument) for argument in sys.argv[1:4]))
