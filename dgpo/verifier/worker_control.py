"""This process's handle on the template process (`worker`): start it, have it fork and kill workers, end
it."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from dgpo.verifier.worker_main import CONTROL

START_SECONDS = 60.0
REQUEST_SECONDS = 10.0
_SCRIPT = Path(__file__).with_name("worker_main.py")
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "SYMPY_GROUND_TYPES": "python",  # gmpy2 aborts the process where Python's integers raise MemoryError
    "MPMATH_NOGMPY": "1",
}


NO_ROOM = "is there memory for one more, and does the limit on processes (ulimit -u) allow it?"
"""What to look at where a process cannot be started."""


class WorkerGone(Exception):
    """A worker, or the template, has died."""


@dataclass
class Worker:
    """One forked worker: its process id, our end of its job socket, and how many jobs it has done."""

    pid: int
    jobs: socket.socket
    done: int = 0

    def ask(self, job: bytes, deadline: float) -> str:
        """Send one job and wait for its outcome. Raises TimeoutError at ``deadline`` (`time.monotonic`)."""
        try:
            self.jobs.settimeout(max(deadline - time.monotonic(), 0.001))
            self.jobs.sendall(job)
            return json.loads(_read_line(self.jobs, deadline))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerGone from error


class Template:
    """A started template process. Not thread-safe: its pool calls it under a lock."""

    def __init__(self, memory_bytes: int) -> None:
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), str(theirs.fileno()), str(os.getpid()), str(memory_bytes)],
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
        """A new worker, in milliseconds. Raises WorkerGone or OSError if the template is no more."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                return Worker(self._request(b"F", 0, theirs.fileno()), ours)
            except (WorkerGone, OSError):
                ours.close()
                raise

    def kill(self, worker: Worker) -> None:
        """End ``worker`` at once. Raises as `fork` does."""
        worker.jobs.close()
        self._request(b"K", worker.pid)

    def stop(self) -> None:
        """End the template; the kernel then ends its workers."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's template without touching it."""
        self._control.close()
        self._process.returncode = 0

    def _request(self, operation: bytes, pid: int, *fds: int) -> int:
        try:
            socket.send_fds(self._control, [CONTROL.pack(operation, pid)], list(fds))
            reply = self._control.recv(CONTROL.size, socket.MSG_WAITALL)
        except BaseException:
            self._control.close()  # a reply that nobody read would be taken for that to the next request
            raise
        if len(reply) < CONTROL.size:
            raise WorkerGone
        return CONTROL.unpack(reply)[1]


def _read_line(end: socket.socket, deadline: float) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        end.settimeout(max(deadline - time.monotonic(), 0.001))
        received = end.recv(4096)
        if not received:
            raise WorkerGone
        line += received
    return line
