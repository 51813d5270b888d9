"""``dgpo eval run``: samples of a model on benchmarks, saved as they finish; run it again and it goes on."""

import argparse
import math
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from dgpo.eval.benchmarks import Benchmark, read_benchmarks
from dgpo.eval.chat import chat_template_sha256, prompt_tokens, prompts_sha256
from dgpo.eval.error import EvalError
from dgpo.eval.models import Model, find_model
from dgpo.eval.progress import ProgressBar
from dgpo.eval.settings import agree_or_refuse, package_versions
from dgpo.eval.store import (
    Generation,
    Writer,
    data_file,
    generations_file,
    locked,
    read_generations,
    sample_seed,
    set_aside_cut_line,
)


def evaluate(arguments: argparse.Namespace) -> None:
    """Generate what is missing in `--out`.

    Raises:
        EvalError: an option cannot be, or vLLM has died. What was generated stays.
    """
    _check_options(arguments)
    devices = _devices(arguments)
    names = [name.strip() for name in arguments.benchmarks.split(",")]
    benchmarks = read_benchmarks(arguments.data, names, arguments.template)
    folder: Path = arguments.out
    with locked(folder):
        model = find_model(arguments.model, arguments.revision, folder, _say)
        tokenizer = _tokenizer(model)
        template = chat_template_sha256(tokenizer, arguments.model)
        prompts = {each.name: prompt_tokens(tokenizer, each) for each in benchmarks}
        max_model_len = _max_model_len(arguments, model, prompts)
        dtype = model.dtype if arguments.dtype == "auto" else arguments.dtype
        settings = {
            "model": {**model.facts(), "chat_template_sha256": template},
            "benchmarks": {
                each.name: {**each.facts, "prompts_sha256": prompts_sha256(prompts[each.name])} for each in benchmarks
            },
            "sampling": {
                "samples": arguments.samples,
                "temperature": arguments.temperature,
                "top_p": arguments.top_p,
                "max_tokens": arguments.max_tokens,
                "seed": arguments.seed,
            },
            "engine": {
                "device": "cpu" if devices[0] is None else "cuda",
                "dtype": dtype,
                "tensor_parallel_size": arguments.tensor_parallel_size,
                "data_parallel_size": arguments.data_parallel_size,
                "gpu_memory_utilization": arguments.gpu_memory_utilization,
                "max_model_len": max_model_len,
                "max_num_seqs": arguments.max_num_seqs,
                "enforce_eager": arguments.enforce_eager,
            },
            "versions": package_versions(),
        }
        if not agree_or_refuse(folder, settings):
            _say(f"going on with the evaluation in {folder}")
        _keep_data(folder, benchmarks)
        _generate_missing(folder, benchmarks, prompts, settings, model, devices)


def _generate_missing(
    folder: Path,
    benchmarks: list[Benchmark],
    prompts: dict[str, list[list[int]]],
    settings: dict[str, Any],
    model: Model,
    devices: list[list[str] | None],
) -> None:
    from dgpo.eval.engine_process import Request, generate

    sampling = settings["sampling"]
    wanted: dict[str, tuple[str, str, int]] = {}
    requests: list[Request] = []
    total = 0
    for benchmark in benchmarks:
        done = _done(folder, benchmark, sampling["samples"])
        total += len(benchmark.problems) * sampling["samples"]
        for problem, tokens in zip(benchmark.problems, prompts[benchmark.name], strict=True):
            for sample in range(sampling["samples"]):
                if (problem.id, sample) not in done:
                    key = str(len(wanted))
                    wanted[key] = (benchmark.name, problem.id, sample)
                    seed = sample_seed(sampling["seed"], benchmark.name, problem.id, sample)
                    requests.append({"key": key, "seed": seed, "tokens": tokens})
    already = total - len(requests)
    if already:
        _say(f"{already} of {total} samples are there")
    if not requests:
        return
    engine = settings["engine"]
    arguments = {
        "model": str(model.path),
        "dtype": engine["dtype"],
        "max_model_len": engine["max_model_len"],
        "max_num_seqs": engine["max_num_seqs"],
        "tensor_parallel_size": engine["tensor_parallel_size"],
        "enforce_eager": engine["enforce_eager"],
        "seed": sampling["seed"],
        "disable_log_stats": True,
        "enable_prefix_caching": True,
        "sampling": {key: sampling[key] for key in ("temperature", "top_p", "max_tokens")},
    }
    if engine["device"] == "cuda":
        arguments["gpu_memory_utilization"] = engine["gpu_memory_utilization"]
    else:
        # A prompt in one piece: vLLM rewinds a sample's random state between the pieces, and torch cannot do that
        # on a CPU (vllm/v1/worker/gpu_model_runner.py, `gen.set_offset`).
        pieces = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(2048, engine["max_model_len"])}
        arguments |= {"distributed_executor_backend": "uni", **pieces}
    seeds = {request["key"]: request["seed"] for request in requests}
    writer = Writer(folder, [each.name for each in benchmarks])
    _say(f"starting vLLM, {len(devices)} engine(s); what it prints is in {folder}/engine-*.log")
    with ProgressBar("samples", total, already, rate_of="tokens") as progress:
        results = generate(requests, arguments, devices, folder)
        waiting_for_first = True
        try:
            for batch in results:
                saved: list[tuple[str, Generation]] = []
                for result in batch:
                    benchmark, problem, sample = wanted[result["key"]]
                    if result["finish_reason"] not in ("stop", "length"):
                        raise EvalError(
                            f"{benchmark}, problem {problem!r}, sample {sample}: vLLM ended it with finish_reason "
                            f"{result['finish_reason']!r}; see {folder}/engine-*.log"
                        )
                    saved.append((benchmark, _generation(result, problem, sample, seeds[result["key"]])))
                writer.write(saved)
                if waiting_for_first and not saved:
                    progress.restart_clock()
                waiting_for_first = waiting_for_first and not saved
                progress.advance(len(saved), sum(generation["response_tokens"] for _, generation in saved))
        finally:
            results.close()
            writer.close()


def _generation(result: dict[str, Any], problem: str, sample: int, seed: int) -> Generation:
    return {
        "id": problem,
        "sample": sample,
        "seed": seed,
        "prompt_tokens": result["prompt_tokens"],
        "response_tokens": result["response_tokens"],
        "finish_reason": result["finish_reason"],
        "text": result["text"],
    }


def _done(folder: Path, benchmark: Benchmark, samples: int) -> set[tuple[str, int]]:
    file = generations_file(folder, benchmark.name)
    cut = set_aside_cut_line(file)
    if cut:
        _say(f"{file}: its last line was cut off ({cut} bytes, now in {file.with_suffix('.cut')}); it is made anew")
    ids = {problem.id for problem in benchmark.problems}
    return {(generation["id"], generation["sample"]) for generation in read_generations(file, ids, samples)}


def _keep_data(folder: Path, benchmarks: list[Benchmark]) -> None:
    """Copy the benchmarks into the folder: scoring then needs nothing else."""
    for benchmark in benchmarks:
        target = data_file(folder, benchmark.name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_suffix(".partial")
            shutil.copyfile(benchmark.path, draft)
            draft.replace(target)


def _tokenizer(model: Model) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model.path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise EvalError(
            f"--model={model.name}: its tokenizer cannot be loaded ({error}); copy its files there"
        ) from error


def _devices(arguments: argparse.Namespace) -> list[list[str] | None]:
    """The GPUs of each engine, or [None] on a machine without."""
    import os

    import torch

    tensor, data = arguments.tensor_parallel_size, arguments.data_parallel_size
    count = torch.cuda.device_count()
    if not count:
        if tensor * data > 1:
            option = "--tensor-parallel-size" if tensor > 1 else "--data-parallel-size"
            raise EvalError(f"{option}={max(tensor, data)}: this machine has no GPU and runs one engine; leave it out")
        return [None]
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = [each.strip() for each in named.split(",")] if named else [str(number) for number in range(count)]
    if tensor * data > len(visible):
        raise EvalError(
            f"--tensor-parallel-size={tensor} times --data-parallel-size={data} needs {tensor * data} GPUs, and "
            f"{len(visible)} are visible; lower one of them"
        )
    return [visible[number * tensor : (number + 1) * tensor] for number in range(data)]


def _max_model_len(arguments: argparse.Namespace, model: Model, prompts: dict[str, list[list[int]]]) -> int:
    """Tokens of prompt and response together that vLLM makes room for."""
    name, longest = max(((name, max(map(len, each))) for name, each in prompts.items()), key=lambda pair: pair[1])
    needed = longest + arguments.max_tokens
    asked = arguments.max_model_len
    if asked is not None and asked < needed:
        raise EvalError(
            f"--max-model-len={asked}: the longest prompt ({name}, {longest} tokens) and --max-tokens="
            f"{arguments.max_tokens} need {needed}; raise it, or lower --max-tokens"
        )
    positions = model.config.get("max_position_embeddings")
    if positions is not None and (asked or needed) > positions:
        raise EvalError(
            f"--max-tokens={arguments.max_tokens}: with the longest prompt ({name}, {longest} tokens) that is "
            f"{asked or needed} tokens, and the model has {positions} positions; "
            f"use at most --max-tokens {positions - longest}"
        )
    return asked or needed


def _check_options(arguments: argparse.Namespace) -> None:
    for option in ("samples", "max_tokens", "tensor_parallel_size", "data_parallel_size", "max_num_seqs"):
        value = getattr(arguments, option)
        if value < 1:
            raise EvalError(f"--{option.replace('_', '-')}={value}: it must be at least 1")
    if not (0 <= arguments.temperature < math.inf):
        raise EvalError(f"--temperature={arguments.temperature}: it must be 0 or more")
    if not 0 < arguments.top_p <= 1:
        raise EvalError(f"--top-p={arguments.top_p}: it must be above 0 and at most 1")
    if not 0 < arguments.gpu_memory_utilization <= 1:
        raise EvalError(f"--gpu-memory-utilization={arguments.gpu_memory_utilization}: a share, above 0 and at most 1")
    if arguments.temperature == 0 and arguments.samples > 1:
        raise EvalError(
            f"--temperature=0: greedy decoding gives the same answer {arguments.samples} times; use --samples 1"
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stop(number: int, _: Any) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="dgpo eval run", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = result.add_argument
    add("--model", required=True, help="Hugging Face directory, hub id, run folder, or a checkpoint's global_step_N")
    add("--revision", help="commit, tag or branch of a hub model")
    add("--benchmarks", required=True, help="names, with commas between: aime24,aime25,amc23")
    add("--data", type=Path, default=Path("data"), help="folder of their prompt files")
    add("--out", type=Path, required=True, help="folder of this evaluation")
    add("--template", help="prompt template that the benchmarks must have been prepared with")
    add("--samples", type=int, default=32, help="of each problem")
    add("--temperature", type=float, default=0.6)
    add("--top-p", type=float, default=0.95)
    add("--max-tokens", type=int, default=32768, help="of a response; a longer one is cut off")
    add("--seed", type=int, default=0, help="the seed of each sample is derived from it")
    add("--tensor-parallel-size", type=int, default=1, help="GPUs of an engine")
    add("--data-parallel-size", type=int, default=1, help="engines, each with its own copy of the model")
    add("--gpu-memory-utilization", type=float, default=0.9, help="share of each GPU's memory for vLLM")
    add("--max-num-seqs", type=int, default=256, help="samples that an engine computes at a time")
    add("--max-model-len", type=int, help="tokens of prompt and response; without it, what the prompts need")
    add("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"), help="auto: the model's own")
    add(
        "--enforce-eager",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="no compilation: slower, and the figures depend on less",
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Generate; 0 when all samples are there, 1 when vLLM died, 2 for bad input, 130 when interrupted."""
    arguments = parser().parse_args(argv)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        evaluate(arguments)
    except EvalError as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say(f"interrupted; what was finished is in {arguments.out}, and the same command goes on")
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)
    print(f"{arguments.out}: all samples are there; score them with `dgpo eval score {arguments.out}`")
    return 0
