"""The parent's side of `vllm_engine`: start engines on their GPUs, keep them fed, collect what they finish."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

from dgpo.evaluation.error import EvalError

POLL_S = 0.5
MAX_REASON_CHARS = 500
WINDOW = 2
"""Requests at an engine for each one that it computes at a time: the next is there when one finishes."""


class Request(TypedDict):
    """One sample to generate; `key` comes back with its result."""

    key: str
    seed: int
    tokens: list[int]


CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Of vLLM's CPU build, as in configs/hardware/cpu.yaml; what the user has set stays."""


class Engine:
    """A running `vllm_engine`, in a process group of its own so that Ctrl-C reaches us alone."""

    def __init__(self, arguments: dict[str, Any], gpus: list[str] | None, log: Path):
        self.log = log
        self.waiting: set[str] = set()
        environment = {**CPU_ENVIRONMENT, **os.environ} if gpus is None else dict(os.environ)
        if gpus is not None:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dgpo.evaluation.engine"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                start_new_session=True,
                env=environment,
            )
        self._send(arguments)

    def submit(self, request: Request) -> None:
        self.waiting.add(request["key"])
        self._send(request)

    def finish(self) -> None:
        """Say that no more requests come."""
        self._send(None)

    def results(self) -> Iterator[dict[str, Any]]:
        """What it sends, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # else it was killed while it wrote
                yield json.loads(line)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it and the processes it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def failure(self) -> EvalError:
        """What to tell when it has ended before its time."""
        status = self._process.wait()
        lines = self.log.read_bytes()[-100_000:].decode(errors="replace").splitlines()
        errors = [line for line in lines if "Error" in line]
        reason = errors[-1].strip()[:MAX_REASON_CHARS] if errors else "it gave no reason"
        return EvalError(
            f"vLLM has ended (status {status}): {reason}\n"
            f"its log: {self.log}; what was generated is saved, and the same command goes on"
        )

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it has ended: the end of its results tells, with its log


def generate(
    requests: Iterable[Request],
    arguments: dict[str, Any],
    devices: Sequence[list[str] | None],
    logs: Path,
) -> Generator[list[dict[str, Any]], None, None]:
    """Results in the order in which they finish, in batches of what has arrived together.

    Args:
        requests: In the order of submission; each engine takes the next one when it has room.
        arguments: vLLM's EngineArgs, and "sampling" for SamplingParams.
        devices: The GPUs of each engine, or None for the CPU.
        logs: Folder for engine-N.log.

    Raises:
        EvalError: an engine has died.
    """
    engines = [Engine(arguments, gpus, logs / f"engine-{number}.log") for number, gpus in enumerate(devices)]
    arrived: queue.SimpleQueue[tuple[Engine, dict[str, Any] | None]] = queue.SimpleQueue()
    for engine in engines:
        threading.Thread(target=_collect, args=(engine, arrived), daemon=True).start()
    waiting = deque(requests)
    room = WINDOW * arguments["max_num_seqs"]
    running = set(engines)
    try:
        while running:
            batch = []
            # A child of a dead engine can hold its output open: then nothing arrives, not even the end.
            for engine, result in _arrivals(arrived) or [(each, None) for each in running if each.has_ended()]:
                if result is None:
                    running.discard(engine)
                    if engine.waiting or waiting:
                        raise engine.failure()
                    continue
                if "key" in result:
                    engine.waiting.discard(result["key"])
                    batch.append(result)
                while waiting and len(engine.waiting) < room:
                    engine.submit(waiting.popleft())
                if not waiting and not engine.waiting:
                    engine.finish()
            yield batch
    finally:
        for engine in engines:
            engine.kill()


def _arrivals(arrived: "queue.SimpleQueue[tuple[Engine, dict[str, Any] | None]]") -> list[Any]:
    """What has arrived by now; waits a moment where nothing has, so that signals and progress get their turn."""
    items = []
    try:
        items.append(arrived.get(timeout=POLL_S))
        while True:
            items.append(arrived.get_nowait())
    except queue.Empty:
        return items


def _collect(engine: Engine, arrived: "queue.SimpleQueue[tuple[Engine, dict[str, Any] | None]]") -> None:
    for result in engine.results():
        arrived.put((engine, result))
    arrived.put((engine, None))
