"""One vLLM engine in a process of its own: requests as JSON lines on its input, results on its output.

The first line of input is the engine's arguments; it answers {"ready": true}. Then comes a line a sample, in any
number at a time, and a line null at the end. A result leaves as soon as its sample is finished. When the input
ends without the null, whoever started the process has died, and it ends at once with all its children.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO


def main() -> int:
    """Serve the input until its null."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever vLLM prints goes to the log
    first = sys.stdin.buffer.readline()
    arrived: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, arrived), daemon=True).start()
    try:
        serve(json.loads(first), arrived, results)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # not sys.exit: the thread holds the input's lock, and Python would abort over it
    return 0


def serve(arguments: dict[str, Any], arrived: "queue.SimpleQueue[dict[str, Any] | None]", results: BinaryIO) -> None:
    """Start the engine and step it for as long as there are requests."""
    from dgpo.cpu import vllm_metadata
    from dgpo.cuda import use_toolkit

    vllm_metadata.install()  # does nothing where the distribution is called "vllm"
    use_toolkit()
    from vllm import EngineArgs, RequestOutput, SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.llm_engine import LLMEngine

    sampling = arguments.pop("sampling")
    engine = LLMEngine.from_engine_args(EngineArgs(**arguments))

    def add(request: dict[str, Any]) -> None:
        params = SamplingParams(**sampling, seed=request["seed"], output_kind=RequestOutputKind.FINAL_ONLY)
        engine.add_request(request["key"], TokensPrompt(prompt_token_ids=request["tokens"]), params)

    _send(results, {"ready": True})
    open_ended = True
    while open_ended or engine.has_unfinished_requests():
        # Wait for a request only when there is nothing to compute.
        while open_ended and not (engine.has_unfinished_requests() and arrived.empty()):
            request = arrived.get()
            if request is None:
                open_ended = False
            else:
                add(request)
        if not engine.has_unfinished_requests():
            continue
        for output in engine.step():
            if isinstance(output, RequestOutput) and output.finished:
                completion = output.outputs[0]
                _send(
                    results,
                    {
                        "key": output.request_id,
                        "prompt_tokens": len(output.prompt_token_ids or ()),
                        "response_tokens": len(completion.token_ids),
                        "finish_reason": completion.finish_reason,
                        "text": completion.text,
                    },
                )


def _send(results: BinaryIO, message: dict[str, Any]) -> None:
    results.write(json.dumps(message).encode() + b"\n")
    results.flush()


def _read(stream: BinaryIO, arrived: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    """Take requests in at once, so that the sender never waits for a step of the engine."""
    for line in stream:
        request = json.loads(line)
        arrived.put(request)
        if request is None:
            return
    os.killpg(0, signal.SIGKILL)  # a process group of our own: see engine_process


if __name__ == "__main__":
    sys.exit(main())
