"""The samples that an evaluation still lacks: from benchmarks and settings to lines on the disk."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgpo.evaluation.benchmarks import Benchmark
from dgpo.evaluation.engine_process import Request, generate
from dgpo.evaluation.error import EvalError
from dgpo.evaluation.store import (
    Generation,
    Writer,
    data_file,
    generations_file,
    read_generations,
    sample_seed,
    set_aside_cut_line,
)
from dgpo.files import draft_of
from dgpo.progress import ProgressBar


def generate_missing(
    folder: Path,
    benchmarks: Sequence[Benchmark],
    prompts: Mapping[str, Sequence[list[int]]],
    settings: Mapping[str, Any],
    model: Path,
    max_model_len: int,
    devices: Sequence[list[str] | None],
    say: Callable[[str], None],
) -> None:
    """Generate and save every sample that `folder` has not got yet.

    Args:
        folder: Of the evaluation, whose settings are agreed.
        benchmarks: With the token ids of their problems in `prompts`, by name.
        settings: As in settings.json.
        model: Hugging Face directory.
        max_model_len: Tokens of prompt and response that vLLM makes room for.
        devices: The GPUs of each engine; [None] for the CPU.
        say: Takes a line for the person.

    Raises:
        EvalError: saved generations are damaged, or vLLM has died.
    """
    _keep_data(folder, benchmarks)
    sampling = settings["sampling"]
    missing: dict[str, tuple[str, str, int]] = {}
    requests: list[Request] = []
    for benchmark in benchmarks:
        done = _done(folder, benchmark, sampling["samples"], say)
        for problem, tokens in zip(benchmark.problems, prompts[benchmark.name], strict=True):
            for sample in range(sampling["samples"]):
                if (problem.id, sample) not in done:
                    key = str(len(missing))
                    missing[key] = (benchmark.name, problem.id, sample)
                    seed = sample_seed(sampling["seed"], benchmark.name, problem.id, sample)
                    requests.append({"key": key, "seed": seed, "tokens": tokens})
    total = sampling["samples"] * sum(len(each.problems) for each in benchmarks)
    already = total - len(requests)
    if already:
        say(f"{already} of {total} samples are there")
    if not requests:
        return
    say(f"starting vLLM, {len(devices)} engine{'s' if len(devices) > 1 else ''}; its output: {folder}/engine-*.log")
    seeds = {request["key"]: request["seed"] for request in requests}
    writer = Writer(folder, [each.name for each in benchmarks])
    results = generate(requests, _engine_arguments(settings, model, max_model_len), devices, folder)
    try:
        with ProgressBar("samples", total, already, rate_of="tokens") as progress:
            for batch in results:
                whole = [result for result in batch if result["finish_reason"] in ("stop", "length")]
                saved = [
                    (missing[each["key"]][0], _generation(each, missing[each["key"]], seeds[each["key"]]))
                    for each in whole
                ]
                writer.write(saved)
                progress.advance(len(saved), sum(generation["response_tokens"] for _, generation in saved))
                _refuse_unfinished([result for result in batch if result not in whole], missing, folder)
    finally:
        results.close()
        writer.close()


def _engine_arguments(settings: Mapping[str, Any], model: Path, max_model_len: int) -> dict[str, Any]:
    engine, sampling = settings["engine"], settings["sampling"]
    arguments: dict[str, Any] = {
        "model": str(model),
        "max_model_len": max_model_len,
        **{key: engine[key] for key in ("dtype", "max_num_seqs", "tensor_parallel_size", "enforce_eager")},
        "seed": sampling["seed"],
        "disable_log_stats": True,
        "enable_prefix_caching": True,
        "sampling": {key: sampling[key] for key in ("temperature", "top_p", "max_tokens")},
    }
    if engine["device"] == "cuda":
        return {**arguments, "gpu_memory_utilization": engine["gpu_memory_utilization"]}
    # A prompt in one piece: vLLM rewinds a sample's random state between the pieces, and torch cannot do that on a
    # CPU (vllm/v1/worker/gpu_model_runner.py, `gen.set_offset`).
    pieces = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(2048, max_model_len)}
    return {**arguments, "distributed_executor_backend": "uni", **pieces}


def _generation(result: Mapping[str, Any], sample: tuple[str, str, int], seed: int) -> Generation:
    return {
        "id": sample[1],
        "sample": sample[2],
        "seed": seed,
        "prompt_tokens": result["prompt_tokens"],
        "response_tokens": result["response_tokens"],
        "finish_reason": result["finish_reason"],
        "text": result["text"],
    }


def _refuse_unfinished(
    results: Sequence[Mapping[str, Any]], missing: Mapping[str, tuple[str, str, int]], folder: Path
) -> None:
    for result in results:
        benchmark, problem, sample = missing[result["key"]]
        raise EvalError(
            f"{benchmark}, problem {problem!r}, sample {sample}: vLLM gave it up, finish_reason="
            f"{result['finish_reason']!r} (see {folder}/engine-*.log); the others are saved, the same command goes on"
        )


def _done(folder: Path, benchmark: Benchmark, samples: int, say: Callable[[str], None]) -> set[tuple[str, int]]:
    file = generations_file(folder, benchmark.name)
    cut = set_aside_cut_line(file)
    if cut:
        say(f"{file}: its last line was cut off ({cut} bytes, now in {file.with_suffix('.cut')}); it is made anew")
    ids = {problem.id for problem in benchmark.problems}
    return {(generation["id"], generation["sample"]) for generation in read_generations(file, ids, samples)}


def _keep_data(folder: Path, benchmarks: Sequence[Benchmark]) -> None:
    """Copy the benchmarks into the folder: scoring then needs nothing else."""
    for benchmark in benchmarks:
        target = data_file(folder, benchmark.name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with draft_of(target) as draft:
                shutil.copyfile(benchmark.path, draft)
