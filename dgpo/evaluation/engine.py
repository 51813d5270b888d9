"""Runs vLLM engines, each in its own process on its own GPUs, and feeds them requests.

The process of an engine first receives vLLM's arguments and answers {"ready": True}; then it receives requests, and
None at the end. It sends each result as soon as the sample is finished. If the connection closes before None, the
parent has died, and the process ends at once with all its children.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypedDict

from dgpo import cuda
from dgpo.children import Child
from dgpo.errors import UserError

POLL_S = 0.5
MAX_REASON_CHARS = 500
WINDOW = 2
"""Requests sent to an engine, per request that it computes at a time, so that it never waits for the next one."""

CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Variables for vLLM's CPU build, as in configs/hardware/cpu.yaml, unless the user has set them."""


class Request(TypedDict):
    """One sample to generate; `key` comes back with its result."""

    key: str
    seed: int
    tokens: list[int]


def devices_of(tensor: int, data: int) -> list[list[str] | None]:
    """The GPUs of `data` engines, `tensor` for each, or [None] without GPUs; UserError where there are too few."""
    import torch

    count = torch.cuda.device_count()
    if not count:
        if tensor * data > 1:
            option = "--tensor-parallel-size" if tensor > 1 else "--data-parallel-size"
            raise UserError(f"{option}={max(tensor, data)}: this machine has no GPU and runs one engine; leave it out")
        return [None]
    for message, remedy in cuda.missing():
        raise UserError(f"{message}; {remedy}")
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = [each.strip() for each in named.split(",")] if named else [str(number) for number in range(count)]
    if tensor * data > len(visible):
        raise UserError(
            f"--tensor-parallel-size={tensor} times --data-parallel-size={data} needs {tensor * data} GPUs, and "
            f"{len(visible)} are visible; lower one of them"
        )
    return [visible[number * tensor : (number + 1) * tensor] for number in range(data)]


def generate(
    requests: Iterable[Request], arguments: dict[str, Any], devices: Sequence[list[str] | None], logs: Path
) -> Generator[list[dict[str, Any]], None, None]:
    """Results in the order in which they finish, in batches that arrived together.

    A result is ``{"key", "prompt_tokens", "response_tokens", "finish_reason", "text"}``. A batch may be empty.

    Args:
        requests: In the order of submission; each engine takes the next one when it has room.
        arguments: vLLM's EngineArgs, and "sampling" for SamplingParams.
        devices: The GPUs of each engine, or None for the CPU.
        logs: Folder for engine-N.log.

    Raises:
        UserError: an engine has died.
    """
    engines = [_Engine(arguments, gpus, logs / f"engine-{number}.log") for number, gpus in enumerate(devices)]
    running = {engine.connection: engine for engine in engines}
    waiting = deque(requests)
    room = WINDOW * arguments["max_num_seqs"]
    try:
        while running:
            batch = []
            ready = wait(list(running), POLL_S)
            arrived = [engine for connection, engine in running.items() if connection in ready]
            # A child of a dead engine may keep its connection open: then not even the end arrives.
            for engine in arrived or [each for each in running.values() if each.process.poll() is not None]:
                results = engine.receive()
                batch += [each for each in results if "key" in each]
                if not results:
                    del running[engine.connection]
                    if engine.unfinished or waiting:
                        raise engine.failure()
                    continue
                while waiting and len(engine.unfinished) < room:
                    engine.submit(waiting.popleft())
                if not waiting and not engine.unfinished:
                    engine.send(None)
            yield batch
    finally:
        for engine in engines:
            engine.kill()


class _Engine(Child):
    """The parent's side."""

    def __init__(self, arguments: dict[str, Any], gpus: list[str] | None, log: Path):
        self.unfinished: set[str] = set()
        self._log = log
        environment = {**CPU_ENVIRONMENT, **os.environ}
        if gpus is not None:
            environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        with log.open("ab") as stream:
            command = [sys.executable, "-m", "dgpo.evaluation.engine"]
            super().__init__(command, stdout=stream, stderr=stream, env=environment)
        self.send(arguments)

    def send(self, message: Any) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, which `generate` notices and reports with its log
            self.connection.send(message)

    def submit(self, request: Request) -> None:
        self.unfinished.add(request["key"])
        self.send(request)

    def receive(self) -> list[dict[str, Any]]:
        """The results sent by now; none after its end."""
        results = []
        with contextlib.suppress(EOFError, OSError):  # it has ended, perhaps within a message
            while self.connection.poll():
                results.append(self.connection.recv())
                self.unfinished.discard(results[-1].get("key"))
        return results

    def failure(self) -> UserError:
        """The error to raise if it has ended too early."""
        status = self.process.wait()
        lines = self._log.read_bytes()[-100_000:].decode(errors="replace").splitlines()
        last = max((place for place, line in enumerate(lines) if "Error" in line), default=len(lines))
        # Of pydantic's, the reason is in the next line.
        reason = " ".join(map(str.strip, lines[last : last + 2]))[:MAX_REASON_CHARS] or "it gave no reason"
        return UserError(
            f"vLLM has ended (status {status}): {reason}\n"
            f"its log: {self._log}; what was generated is saved, and the same command goes on"
        )


def _serve(connection: Connection) -> None:
    """The engine's side: step vLLM as long as there are requests."""
    arguments = connection.recv()
    sampling = arguments.pop("sampling")
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()

    from dgpo.cpu import vllm_metadata

    vllm_metadata.install()  # does nothing where the distribution is called "vllm"
    cuda.use_toolkit()
    from vllm import EngineArgs, RequestOutput, SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.llm_engine import LLMEngine

    engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
    connection.send({"ready": True})
    more = True
    while more or engine.has_unfinished_requests():
        # Wait for a request only when there is nothing to compute.
        while more and not (engine.has_unfinished_requests() and requests.empty()):
            request = requests.get()
            if request is None:
                more = False
                continue
            params = SamplingParams(**sampling, seed=request["seed"], output_kind=RequestOutputKind.FINAL_ONLY)
            engine.add_request(request["key"], TokensPrompt(prompt_token_ids=request["tokens"]), params)
        for output in engine.step() if engine.has_unfinished_requests() else ():
            if isinstance(output, RequestOutput) and output.finished:
                completion = output.outputs[0]
                connection.send(
                    {
                        "key": output.request_id,
                        "prompt_tokens": len(output.prompt_token_ids or ()),
                        "response_tokens": len(completion.token_ids),
                        "finish_reason": completion.finish_reason,
                        "text": completion.text,
                    }
                )


def _read(connection: Connection, requests: "queue.SimpleQueue[Request | None]") -> None:
    """Receive requests at once, so that the sender never waits for a step of the engine."""
    try:
        while (request := connection.recv()) is not None:
            requests.put(request)
        requests.put(None)
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)  # the group that `Child` made


if __name__ == "__main__":
    try:
        _serve(Connection(int(sys.argv[1])))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # without waiting for vLLM's processes, which the parent kills
