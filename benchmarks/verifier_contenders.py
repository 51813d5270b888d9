"""The verifiers that are compared, each in a process of its own that can be killed.

As a script it is that process: it reads a job a line, answers a line, and counts what the job tried to do besides.
A `Contender` is the other end. Working directory, standard output and the process group are the child's own, so a
payload that does run writes into an empty folder, and a call that hangs is killed with everything it started.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dgpo.agents.hosts import EnvironmentLostError, Host

Scorer = Callable[[str, str, str], bool]
"""(response, ground truth, mode of `dgpo.rewards.verify`) -> right or not."""

OURS = "dgpo"
BASELINE = "math-verify 0.9.0, gold boxed"
TIMEOUT = 1.0
"""Seconds that dgpo is given; the others have their own timeouts, of 5 to 30 s."""
START_SECONDS = 180.0
WARM_UP = ((r"\boxed{\frac{1}{2}}", "0.5"), (r"\boxed{1+x}", "x+1"), (r"\boxed{\sqrt{8}}", r"2\sqrt{2}"))
REFUSED_EVENTS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "shutil.rmtree")


def _dgpo() -> Scorer:
    from dgpo.verifier import verify

    return lambda response, gold, mode: bool(verify(response, gold, mode=mode, timeout=TIMEOUT))  # pyright: ignore


def _math_verify(gold_format: str) -> Scorer:
    from math_verify import parse, verify

    return lambda response, gold, mode: verify(parse(gold_format.replace("GOLD", gold)), parse(response))


def _verl(module: str) -> Scorer:
    import importlib

    compute_score = importlib.import_module(f"verl.utils.reward_score.{module}").compute_score

    def score(response: str, gold: str, mode: str) -> bool:
        told = compute_score(response, gold)
        told = told["acc"] if isinstance(told, dict) else told[0] if isinstance(told, tuple) else told
        return float(told) > 0

    return score


SCORERS: dict[str, Callable[[], Scorer]] = {
    OURS: _dgpo,
    BASELINE: lambda: _math_verify(r"\boxed{GOLD}"),
    "math-verify 0.9.0, gold bare": lambda: _math_verify("GOLD"),
    "verl 0.9.1 math_verify": lambda: _verl("math_verify"),
    "verl 0.9.1 prime_math": lambda: _verl("prime_math"),
    "verl 0.9.1 math_reward": lambda: _verl("math_reward"),
    "verl 0.9.1 math_dapo": lambda: _verl("math_dapo"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call. ``right`` is None where it raised or was killed."""

    right: bool | None
    seconds: float
    executed: bool = False
    killed: bool = False


class Contender:
    """A verifier in its process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="dgpo-benchmark-")
        root = str(Path(__file__).resolve().parent.parent)
        self._host = Host(
            [sys.executable, "-m", "benchmarks.verifier_contenders", name],
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env={**os.environ, "PYTHONPATH": root, "VERL_LOGGING_LEVEL": "ERROR", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def start(self) -> None:
        """Start it, and wait until it has warmed up. Raises RuntimeError where it does not come up."""
        if self._host.pid is None:
            try:
                self._host.call(None, START_SECONDS)
            except EnvironmentLostError as error:
                raise RuntimeError(f"{self.name} did not start ({error}); is the CPU set installed?") from error

    def ask(self, response: str, gold: str, mode: str, limit: float) -> Outcome:
        """One verdict; killed after ``limit`` seconds, and started again by the next call."""
        self.start()
        started = time.monotonic()
        try:
            told = self._host.call([response, gold, mode], limit)
        except EnvironmentLostError:
            return Outcome(None, time.monotonic() - started, self._clean_folder(), killed=True)
        return Outcome(told["right"], told["seconds"], self._clean_folder() or told["refused"] > 0)

    def memory(self, *, reset: bool = False) -> int:
        """Bytes of memory: the peak since the last reset; with ``reset`` the current use, and the peak begins anew."""
        if self._host.pid is None:
            return 0
        process = Path(f"/proc/{self._host.pid}")
        if reset:
            (process / "clear_refs").write_text("5")
        key = "VmRSS" if reset else "VmHWM"
        line = next(line for line in (process / "status").read_text().splitlines() if line.startswith(key))
        return 1024 * int(line.split()[1])

    def close(self) -> None:
        self._host.stop()
        self._folder.cleanup()

    def _clean_folder(self) -> bool:
        """Whether the call left a file in its working directory."""
        left = list(Path(self._folder.name).iterdir())
        for path in left:
            path.unlink()
        return bool(left)


def serve(name: str, connection: Connection) -> None:
    """Answer jobs until the connection closes."""
    score = SCORERS[name]()
    for response, gold in WARM_UP:
        score(response, gold, "boxed")
    refused = 0

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        """Model text that is run as code gets this far and no further."""
        nonlocal refused
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        is_relative = writes and isinstance(arguments[0], str) and not os.path.isabs(arguments[0])
        if event in REFUSED_EVENTS or is_relative:
            refused += 1
            raise PermissionError(event)

    sys.addaudithook(refuse)
    while True:
        try:
            job = json.loads(connection.recv_bytes())
        except EOFError:
            return
        if job is None:  # whether it is there
            connection.send_bytes(b"{}")
            continue
        response, gold, mode = job
        refused = 0
        started = time.perf_counter()
        try:
            right: bool | None = bool(score(response, gold, mode))
        except BaseException as error:  # math-verify's timeout is a BaseException
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            right = None
        seconds = time.perf_counter() - started
        connection.send_bytes(json.dumps({"right": right, "seconds": seconds, "refused": refused}).encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SCORERS)
    parser.add_argument("descriptor", type=int)
    arguments = parser.parse_args()
    serve(arguments.name, Connection(arguments.descriptor))
