"""Processor time of vLLM's server for a token of a rollout: as verl asks for answers, and as dgpo's agent loops do.

    python -m benchmarks.rollout_server --model runs/quickstart/model-0 --output benchmarks/results/rollout_server.md

The server is the process to which the engine sends each token, and which answers verl: with 256 answers at a time it
works on 256 tokens between two steps of the engine. Its time for a token bounds an engine's tokens a second, whatever
the GPU. The engine is vLLM's, in a process of its own, whose time is not counted; both ways alternate in one run.
"""

import asyncio
import statistics
import time
from typing import Any

from omegaconf import OmegaConf
from transformers import AutoTokenizer
from vllm import AsyncEngineArgs, SamplingParams, TokensPrompt
from vllm.v1.engine.async_llm import AsyncLLM

from benchmarks.common import arguments_of, machine, publish
from dgpo.cpu import vllm_metadata
from dgpo.rollouts.verl import finished_tokens
from dgpo.tables import Table

ANSWERS, TOKENS = 256, 400
VERLS = {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "repetition_penalty": 1.0, "logprobs": 0}


async def answer(engine: AsyncLLM, prompt: list[int], asked: dict[str, Any], key: str) -> None:
    """One answer of `TOKENS` tokens, as verl's server has it generated."""
    parameters = SamplingParams(**VERLS, **asked, max_tokens=TOKENS, ignore_eos=True)
    last = None
    async for output in engine.generate(TokensPrompt(prompt_token_ids=prompt), parameters, key):
        last = output
    assert last and len(last.outputs[0].token_ids) == len(last.outputs[0].logprobs or ()) == TOKENS


async def measure(model: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """By way of asking: processor and wall seconds of each round."""
    sync = OmegaConf.create({"trainer": {"v1": {"trainer_mode": "sync"}}})
    ways: dict[str, dict[str, Any]] = {"verl's": {}, "dgpo's": finished_tokens(sync)}
    prompt = AutoTokenizer.from_pretrained(model).encode("12+34")
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            model=model,
            max_model_len=len(prompt) + TOKENS,
            hf_overrides={"max_position_embeddings": len(prompt) + TOKENS},
            max_num_seqs=ANSWERS,
            enforce_eager=True,
            gpu_memory_utilization=0.2,  # on a CPU of its memory
            logprobs_mode="processed_logprobs",
            disable_log_stats=True,
        )
    )
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(rounds + 1):  # the first is a warm-up
        for way, asked in ways.items():
            cpu, wall = time.process_time(), time.monotonic()
            await asyncio.gather(*(answer(engine, prompt, asked, f"{number}-{way}-{i}") for i in range(ANSWERS)))
            if number:
                seconds[way].append((time.process_time() - cpu, time.monotonic() - wall))
    engine.shutdown()
    return seconds


if __name__ == "__main__":
    parser = arguments_of(__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    vllm_metadata.install()
    seconds = asyncio.run(measure(arguments.model, arguments.rounds))
    first, rows = None, []
    for way, rounds in seconds.items():
        cost = statistics.median(cpu for cpu, _ in rounds) / (ANSWERS * TOKENS)
        first = first or cost
        wall = statistics.median(wall for _, wall in rounds)
        rows.append((way, f"{1e6 * cost:.0f}", f"{1 / cost:,.0f}", f"{cost / first:.2f}", f"{wall:.1f}"))
    columns = ["asked for", "server, µs a token", "so at most, tokens a second", "ratio", f"all {ANSWERS} answers, s"]
    about = f"{machine()}; {ANSWERS} answers of {TOKENS} tokens at a time, medians of {arguments.rounds} rounds"
    publish(arguments.output, Table(columns, rows), about=about)
