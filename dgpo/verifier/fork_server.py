"""The process that forks workers for math-verify: this process's handle on it, and the script that it is.

The server imports math-verify once, stays single-threaded, and forks a worker, which runs `grading`, within
milliseconds whenever the pool asks; only it kills and reaps workers, so a process id is never mistaken. It leaves when
the pool's end of the control socket closes or its parent is gone, and the kernel then kills its workers, even those
inside C code.

Control messages are an operation byte and a number: ``F`` (with a socket attached) forks and is answered with the
worker's process id, ``K`` and a process id kills and is answered with the signal that ended the worker. Jobs and
replies are one JSON line each. A job's seconds are the worker's own processor time, kept by the kernel (ITIMER_PROF),
so that a busy machine makes no right answer late. The script imports nothing of dgpo but `grading`, so that starting it
is cheap.
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
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
REQUEST_SECONDS = 10.0
NO_ROOM = "is there memory for one more, and does the limit on processes (ulimit -u) allow it?"
"""What to look at where a process cannot be started."""
_CONTROL = struct.Struct("!ci")
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "SYMPY_GROUND_TYPES": "python",  # gmpy2 aborts the process where Python's integers raise MemoryError
    "MPMATH_NOGMPY": "1",
}
_PARENT_POLL_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


class WorkerGone(Exception):
    """A worker, or the fork server, has died."""


@dataclass(frozen=True)
class Reply:
    """What `grading.grade` said, and the seconds of processor time it took."""

    outcome: str
    seconds: float


@dataclass
class Worker:
    """One forked worker: its process id, our end of its job socket, and how many jobs it has done."""

    pid: int
    jobs: socket.socket
    done: int = 0

    def ask(self, job: bytes, deadline: float) -> Reply:
        """Send one job and wait for its outcome. Raises TimeoutError at ``deadline`` (`time.monotonic`)."""
        try:
            self.jobs.settimeout(max(deadline - time.monotonic(), 0.001))
            self.jobs.sendall(job)
            return Reply(*json.loads(_read_line(self.jobs, deadline)))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerGone from error


class ForkServer:
    """A started server. Not thread-safe: its pool calls it under a lock.

    Raises RuntimeError where it does not start, or has no use of math-verify.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), str(os.getpid()), str(memory_bytes)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **_ENVIRONMENT},
        )
        theirs.close()
        try:
            greeting = json.loads(_read_line(self._control, time.monotonic() + START_SECONDS))
        except (WorkerGone, TimeoutError) as error:
            self.stop()
            raise RuntimeError(
                f"the answer-checking process ended, or did not start within {START_SECONDS:.0f} s; "
                f"run `{sys.executable} -c 'import math_verify'` to see why"
            ) from error
        if "error" in greeting:
            self.stop()
            raise RuntimeError(
                f"the answer-checking process cannot use math-verify ({greeting['error']}); "
                f"run `{sys.executable} -c 'import math_verify'`, and pip install math-verify"
            )
        self._control.settimeout(REQUEST_SECONDS)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self) -> Worker:
        """A new worker, in milliseconds. Raises WorkerGone or OSError if the server is no more."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                return Worker(self._request(b"F", 0, theirs.fileno()), ours)
            except (WorkerGone, OSError):
                ours.close()
                raise

    def kill(self, worker: Worker) -> bool:
        """End ``worker`` at once; whether it had used up its processor time. Raises as `fork` does."""
        worker.jobs.close()
        return self._request(b"K", worker.pid) in (signal.SIGPROF, signal.SIGXCPU)

    def stop(self) -> None:
        """End the server; the kernel then ends its workers."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's server without touching it."""
        self._control.close()
        self._process.returncode = 0

    def _request(self, operation: bytes, number: int, *fds: int) -> int:
        try:
            socket.send_fds(self._control, [_CONTROL.pack(operation, number)], list(fds))
            reply = self._control.recv(_CONTROL.size, socket.MSG_WAITALL)
        except BaseException:
            self._control.close()  # a reply that nobody read would be taken for that to the next request
            raise
        if len(reply) < _CONTROL.size:
            raise WorkerGone
        return _CONTROL.unpack(reply)[1]


def _read_line(end: socket.socket, deadline: float) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        end.settimeout(max(deadline - time.monotonic(), 0.001))
        received = end.recv(4096)
        if not received:
            raise WorkerGone
        line += received
    return line


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
    server = os.getpid()
    ended: dict[int, int | None] = {}  # by a worker's process id, the signal that ended it; None while it lives
    while os.getppid() == parent_pid:
        if not select.select([control], [], [], _PARENT_POLL_SECONDS)[0]:
            _reap(ended)
            continue
        message, fds, _, _ = socket.recv_fds(control, _CONTROL.size, 1)
        if len(message) < _CONTROL.size:
            return
        operation, number = _CONTROL.unpack(message)
        _reap(ended)
        if operation == b"F":
            number = os.fork()
            if number == 0:
                control.close()
                _die_with(server)
                _serve(socket.socket(fileno=fds[0]), memory_bytes, grade)
                os._exit(0)
            os.close(fds[0])
            ended[number] = None
        else:
            number = _killed(number, ended)
        control.sendall(_CONTROL.pack(operation, number))


def _load_grade() -> Callable[[str, str], str]:
    """`grading.grade`, by its file, so that dgpo need not be imported."""
    spec = importlib.util.spec_from_file_location("dgpo_grading", Path(__file__).with_name("grading.py"))
    if spec is None or spec.loader is None:
        raise ImportError("grading.py is missing beside fork_server.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.grade


def _killed(pid: int, ended: dict[int, int | None]) -> int:
    """The signal that ended the worker ``pid``: SIGKILL, unless another was earlier."""
    if pid in ended and ended[pid] is None:
        os.kill(pid, signal.SIGKILL)
        ended[pid] = os.WTERMSIG(os.waitpid(pid, 0)[1])
    return ended.pop(pid, None) or 0


def _reap(ended: dict[int, int | None]) -> None:
    """Take note of the workers that have ended. One that left by itself, worn or out of memory, is forgotten."""
    for pid in [pid for pid, by in ended.items() if by is None]:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done and os.WIFSIGNALED(status):
            ended[pid] = os.WTERMSIG(status)
        elif done:
            del ended[pid]


def _die_with(server: int) -> None:
    """Have the kernel kill this worker when the server ends, and leave where it has ended before that was asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(0)


def _serve(jobs: socket.socket, memory_bytes: int, grade: Callable[[str, str], str]) -> None:
    """Grade one job at a time until the pool closes the socket. A worker out of memory answers and leaves."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with jobs.makefile("rb") as lines:
        for line in lines:
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
            jobs.sendall(json.dumps([outcome, time.process_time() - started]).encode() + b"\n")
            if outcome == "too_large":
                return


def _limit_cpu(seconds: float) -> None:
    """Have the kernel end this worker at the end of its job's processor time, whoever waits for it or not.

    The resource limit, in whole seconds, is there for a library that takes the timer.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    folder = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]  # `units` and the like are no top-level names
    main(*(int(argument) for argument in sys.argv[1:4]))
