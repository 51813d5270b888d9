"""Runs vLLM engines, each in its own process on its own GPUs.

The process of an engine receives vLLM's arguments and its requests at once, and sends each result as soon as the sample
is finished. If the connection closes before it ends, the parent has died, and the process ends with all its children.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypedDict

from dgpo import cuda
from dgpo.children import Child
from dgpo.errors import UserError

POLL_S = 0.5
MAX_REASON_CHARS = 500

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
    requests: Sequence[Request], arguments: dict[str, Any], devices: Sequence[list[str] | None], logs: Path
) -> Generator[list[dict[str, Any]], None, None]:
    """Results in the order in which they finish, in batches that arrived together.

    A result is ``{"key", "prompt_tokens", "response_tokens", "finish_reason", "text"}``. A batch may be empty.

    Args:
        requests: Dealt out to the engines in turn.
        arguments: vLLM's EngineArgs, and "sampling" for SamplingParams.
        devices: The GPUs of each engine, or None for the CPU.
        logs: Folder for engine-N.log.

    Raises:
        UserError: an engine has died.
    """
    engines = [_Engine(gpus, logs / f"engine-{number}.log") for number, gpus in enumerate(devices[: len(requests)])]
    running = {engine.connection: engine for engine in engines}
    try:
        for number, engine in enumerate(engines):
            engine.start(arguments, requests[number :: len(engines)])
        while running:
            ready = wait(list(running), POLL_S)
            batch = []
            for connection, engine in list(running.items()):
                # A child of a dead engine may keep its connection open: then not even the end arrives.
                if connection in ready or engine.process.poll() is not None:
                    results = engine.receive()
                    batch += results
                    if not results:
                        del running[connection]
                        if engine.unfinished:
                            raise engine.failure()
            yield batch
    finally:
        for engine in engines:
            engine.kill()


class _Engine(Child):
    """The parent's side."""

    def __init__(self, gpus: list[str] | None, log: Path):
        self.unfinished, self._log = 0, log
        environment = {**CPU_ENVIRONMENT, **os.environ}
        if gpus is not None:
            environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        with log.open("ab") as stream:
            command = [sys.executable, "-m", "dgpo.evaluation.engine"]
            super().__init__(command, stdout=stream, stderr=stream, env=environment)

    def start(self, arguments: dict[str, Any], requests: Sequence[Request]) -> None:
        self.unfinished = len(requests)
        with contextlib.suppress(ConnectionError):  # it has ended, which `generate` notices and reports with its log
            self.connection.send((arguments, requests))

    def receive(self) -> list[dict[str, Any]]:
        """The results sent by now; none after its end."""
        results = []
        with contextlib.suppress(EOFError, OSError):  # it has ended, perhaps within a message
            while self.connection.poll():
                results.append(self.connection.recv())
        self.unfinished -= len(results)
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
    """The engine's side: step vLLM until all requests are finished."""
    arguments, requests = connection.recv()
    sampling = arguments.pop("sampling")
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()

    from dgpo.cpu import vllm_metadata

    vllm_metadata.install()  # does nothing where the distribution is called "vllm"
    cuda.use_toolkit()
    from vllm import EngineArgs, RequestOutput, SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.llm_engine import LLMEngine

    engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
    for request in requests:
        params = SamplingParams(**sampling, seed=request["seed"], output_kind=RequestOutputKind.FINAL_ONLY)
        engine.add_request(request["key"], TokensPrompt(prompt_token_ids=request["tokens"]), params)
    while engine.has_unfinished_requests():
        for output in engine.step():
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


def _end_with_parent(connection: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        connection.recv()  # nothing more is sent
    os.killpg(0, signal.SIGKILL)  # the group that `Child` made


if __name__ == "__main__":
    try:
        _serve(Connection(int(sys.argv[1])))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # without waiting for vLLM's processes, which the parent kills
