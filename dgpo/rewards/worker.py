"""The process that runs math-verify: a template that forks workers, started as a script by `pool`.

The template imports math-verify once, stays single-threaded, and forks a worker within milliseconds whenever
the pool asks; only it kills and reaps workers, so a process id is never mistaken. It leaves when the pool's
end of the control socket closes or its parent is gone, and the kernel then kills its workers, even those
inside C code.

Control messages are an operation byte and a process id: ``F`` (with a socket attached) forks, ``K`` kills.
Jobs and replies are one JSON line each. Imports nothing of dgpo, so that starting it is cheap.
"""

import ctypes
import functools
import gc
import json
import logging
import os
import resource
import select
import signal
import socket
import struct
import sys

CONTROL = struct.Struct("!ci")
PARENT_POLL_SECONDS = 1.0
RELATIVE_TOLERANCE = 1.01e-6
FLOAT_TOLERANCE = 1e-12
_PR_SET_PDEATHSIG = 1


def main(control_fd: int, parent_pid: int, memory_bytes: int) -> None:
    """Serve the control socket until the pool goes away."""
    control = socket.socket(fileno=control_fd)
    logging.disable(logging.CRITICAL)
    try:
        grade("x+1", "1+x")  # imports math-verify and builds its grammar tables, which every fork then shares
    except ImportError as error:
        control.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
        return
    gc.collect()
    gc.freeze()
    control.sendall(b'{"ready": true}\n')
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
                _serve(socket.socket(fileno=fds[0]), memory_bytes)
                os._exit(0)
            os.close(fds[0])
            children.add(pid)
        elif pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            children.discard(pid)
        control.sendall(CONTROL.pack(operation, pid))


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.discard(pid)


def _serve(jobs: socket.socket, memory_bytes: int) -> None:
    """Grade one job at a time until the pool closes the socket. A worker out of memory answers and leaves."""
    template = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != template:
            return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with jobs.makefile("rb") as lines:
        for line in lines:
            try:
                outcome = grade(*json.loads(line))
            except MemoryError:
                outcome = "too_large"
            except Exception:  # whatever sympy raises on nonsense, the answer is nothing that it can read
                outcome = "unparsed"
            jobs.sendall(json.dumps(outcome).encode() + b"\n")
            if outcome == "too_large":
                return


def grade(gold: str, answer: str) -> str:
    """math-verify's opinion of two LaTeX expressions: match, mismatch, unparsed (the answer) or bad_gold."""
    from math_verify import verify

    parsed_gold = _parse(gold)
    if not parsed_gold:
        return "bad_gold"
    parsed_answer = _parse(answer)
    if not parsed_answer:
        return "unparsed"
    if not verify(parsed_gold, parsed_answer, timeout_seconds=None):
        return "mismatch"
    has_percent = "%" in gold + answer
    return "match" if _same_size(parsed_gold[0], parsed_answer[0], has_percent) else "mismatch"


def _same_size(gold: object, answer: object, has_percent: bool) -> bool:
    """False for unequal constants that math-verify's absolute tolerances call equal, as 2^-98 and 2^-99.

    An integer gold is exact up to the digits of a float, another constant up to `RELATIVE_TOLERANCE`.
    """
    from sympy import Expr

    if not (isinstance(gold, Expr) and isinstance(answer, Expr) and gold.is_number and answer.is_number):
        return True
    wanted, given = gold.doit().evalf(30), answer.doit().evalf(30)
    if not (wanted.is_number and given.is_number):
        return True
    tolerance = FLOAT_TOLERANCE if gold.is_Integer else RELATIVE_TOLERANCE
    scales = (1, 100, 0.01) if has_percent else (1,)
    return any(abs(wanted - scale * given) <= tolerance * abs(wanted) for scale in scales)


@functools.lru_cache(maxsize=256)
def _parse(latex: str) -> list:
    """The expressions in ``latex``. Its LaTeX grammar alone: math-verify's plain path ends in Python's eval.

    SIGALRM timeouts are off: the pool keeps the clock.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    plain = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all", equations=False
    )
    config = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=plain)]
    boxed = f"\\boxed{{{latex}}}"
    return parse(boxed, config, fallback_mode="no_fallback", parsing_timeout=None)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    del sys.path[0]  # this folder: its module names are no top-level names
    main(*(int(argument) for argument in sys.argv[1:4]))
