"""The process that runs `grading`: a template that forks workers, started as a script by `pool`.

The template imports math-verify once, stays single-threaded, and forks a worker within milliseconds whenever
the pool asks; only it kills and reaps workers, so a process id is never mistaken. It leaves when the pool's
end of the control socket closes or its parent is gone, and the kernel then kills its workers, even those
inside C code.

Control messages are an operation byte and a process id: ``F`` (with a socket attached) forks, ``K`` kills.
Jobs and replies are one JSON line each. Of dgpo only `grading` is imported, so that starting it is cheap.
"""

import ctypes
import gc
import importlib.util
import json
import logging
import math
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

CONTROL = struct.Struct("!ci")
PARENT_POLL_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


def main(control_fd: int, parent_pid: int, memory_bytes: int) -> None:
    """Serve the control socket until the pool goes away."""
    control = socket.socket(fileno=control_fd)
    logging.disable(logging.CRITICAL)
    try:
        grade = _load_grade()
        grade("x+1", "1+x")  # imports math-verify and builds its grammar tables, which every fork then shares
    except Exception as error:
        control.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        return
    gc.collect()
    gc.freeze()
    control.sendall(b'{"ready": true}\n')
    template = os.getpid()
    children: set[int] = set()
    while os.getppid() == parent_pid:
        if not select.select([control], [], [], PARENT_POLL_SECONDS)[0]:
            _reap(children)
            continue
        message, fds, _, _ = socket.recv_fds(control, CONTROL.size, 1)
        if len(message) < CONTROL.size:
            return
        operation, pid = CONTROL.unpack(message)
        _reap(children)
        if operation == b"F":
            pid = os.fork()
            if pid == 0:
                control.close()
                _die_with(template)
                _serve(socket.socket(fileno=fds[0]), memory_bytes, grade)
                os._exit(0)
            os.close(fds[0])
            children.add(pid)
        elif pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            children.discard(pid)
        control.sendall(CONTROL.pack(operation, pid))


def _load_grade() -> Callable[[str, str], str]:
    """`grading.grade`, by its file, so that dgpo need not be imported."""
    spec = importlib.util.spec_from_file_location("dgpo_grading", Path(__file__).with_name("grading.py"))
    if spec is None or spec.loader is None:
        raise ImportError("grading.py is missing beside worker_main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.grade


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.discard(pid)


def _die_with(template: int) -> None:
    """Have the kernel kill this worker when the template ends, and leave where it has ended before that was asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != template:
            os._exit(0)


def _serve(jobs: socket.socket, memory_bytes: int, grade: Callable[[str, str], str]) -> None:
    """Grade one job at a time until the pool closes the socket. A worker out of memory answers and leaves."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with jobs.makefile("rb") as lines:
        for line in lines:
            gold, answer, seconds = json.loads(line)
            _limit_cpu(seconds)
            try:
                outcome = grade(gold, answer)
            except MemoryError:
                outcome = "too_large"
            except Exception:  # whatever sympy raises on nonsense, the answer is nothing that it can read
                outcome = "unparsed"
            jobs.sendall(json.dumps(outcome).encode() + b"\n")
            if outcome == "too_large":
                return


def _limit_cpu(seconds: float) -> None:
    """Have the kernel end this worker if it works on for much longer than its job has, whoever waits for it or not."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    folder = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]  # `units` and the like are no top-level names
    main(*(int(argument) for argument in sys.argv[1:4]))
