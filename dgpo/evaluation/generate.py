"""`dgpo eval run`: generates the missing samples of an evaluation, and saves each as it finishes."""

import contextlib
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import Benchmark, read_benchmarks
from dgpo.evaluation.engine import Request, devices_of, generate
from dgpo.evaluation.generations import (
    Generation,
    append,
    data_file,
    generations_file,
    locked,
    read_generations,
    sample_seed,
    set_aside_cut_line,
)
from dgpo.evaluation.model import find_model, prompt_tokens, prompts_sha256
from dgpo.evaluation.settings import PACKAGES, Engine, Sampling, Settings, agree_or_refuse
from dgpo.files import draft_of
from dgpo.model_files import chat_tokenizer, refuse, tokenizer_fault
from dgpo.progress import ProgressBar, say
from dgpo.versions import installed_versions


def evaluate(
    *,
    model: str,
    benchmarks: Sequence[str],
    data: Path,
    out: Path,
    sampling: Sampling,
    engine: Engine,
    revision: str | None = None,
    template: str | None = None,
) -> None:
    """Generate every sample that is not yet in `out`.

    Args:
        model: A model as `find_model` takes it, with its `revision` on the hub.
        benchmarks: Names of prompt files in `data`; see `read_benchmarks` for `template`.
        engine: Its `dtype` may be "auto", the model's own.

    Raises:
        UserError: an option is invalid, saved generations are damaged, or vLLM has died. What was generated is kept.
    """
    devices = devices_of(engine.tensor_parallel_size, engine.data_parallel_size)
    sets = read_benchmarks(data, benchmarks, template)
    with locked(out):
        chosen = find_model(model, revision, out)
        tokenizer = chat_tokenizer(chosen.path, f"--model={model}")
        template_sha256 = hashlib.sha256(tokenizer.get_chat_template().encode()).hexdigest()
        prompts = {each.name: prompt_tokens(tokenizer, each) for each in sets}
        first = sets[0].problems[0].messages, prompts[sets[0].name][0]
        refuse(f"--model={model}", tokenizer_fault(chosen.path, tokenizer, *first))
        room = _max_model_len(
            sampling.max_tokens, engine.max_model_len, chosen.config.get("max_position_embeddings"), prompts
        )
        own_dtype = str(chosen.config.get("dtype") or chosen.config.get("torch_dtype") or "bfloat16")
        settings = Settings(
            model=replace(chosen.facts, chat_template_sha256=template_sha256),
            benchmarks={
                each.name: replace(each.facts, prompts_sha256=prompts_sha256(prompts[each.name])) for each in sets
            },
            sampling=sampling,
            engine=replace(
                engine,
                device="cpu" if devices[0] is None else "cuda",
                dtype=own_dtype if engine.dtype == "auto" else engine.dtype,
            ),
            versions=installed_versions(PACKAGES),
        )
        if not agree_or_refuse(out, settings):
            say(f"going on with the evaluation in {out}")
        missing: list[Request] = []
        for each in sets:
            copy = data_file(out, each.name)  # so that scoring needs nothing else
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                with draft_of(copy) as draft:
                    shutil.copyfile(each.path, draft)
            missing += _missing(out, each, prompts[each.name], sampling)
        total = sampling.samples * sum(len(each.problems) for each in sets)
        if len(missing) < total:
            say(f"{total - len(missing)} of {total} samples are there")
        if missing:
            _generate(out, missing, total, _engine_arguments(settings, chosen.path, room), devices)


def _generate(
    folder: Path, missing: Sequence[Request], total: int, arguments: dict[str, Any], devices: Sequence[list[str] | None]
) -> None:
    say(f"starting vLLM, {len(devices)} engine{'s' if len(devices) > 1 else ''}; its output: {folder}/engine-*.log")
    seeds = {each["key"]: each["seed"] for each in missing}
    results = generate(missing, arguments, devices, folder)
    with contextlib.closing(results), ProgressBar("samples", total, total - len(missing), rate_of="tokens") as progress:
        for batch in results:
            saved: dict[str, list[Generation]] = defaultdict(list)
            given_up = ""
            for result in batch:
                key = result.pop("key")
                benchmark, id, number = json.loads(key)
                if result["finish_reason"] in ("stop", "length"):
                    generation = {"id": id, "sample": number, "seed": seeds[key], **result}
                    saved[benchmark].append(cast(Generation, generation))
                else:
                    reason = f"vLLM gave it up, finish_reason={result['finish_reason']!r}"
                    given_up = f"{benchmark}, problem {id!r}, sample {number}: {reason}"
            append(folder, saved)
            lengths = [each["response_tokens"] for generations in saved.values() for each in generations]
            progress.advance(len(lengths), sum(lengths))
            if given_up:
                raise UserError(
                    f"{given_up} (see {folder}/engine-*.log); the others are saved, and the same command goes on"
                )


def _engine_arguments(settings: Settings, model: Path, max_model_len: int) -> dict[str, Any]:
    engine, sampling = settings.engine, settings.sampling
    same = ("dtype", "max_num_seqs", "tensor_parallel_size", "enforce_eager")
    arguments: dict[str, Any] = {
        "model": str(model),
        "max_model_len": max_model_len,
        **{key: getattr(engine, key) for key in same},
        "seed": sampling.seed,
        "disable_log_stats": True,
        "enable_prefix_caching": True,
        "sampling": {key: getattr(sampling, key) for key in ("temperature", "top_p", "max_tokens")},
    }
    if engine.device == "cuda":
        return {**arguments, "gpu_memory_utilization": engine.gpu_memory_utilization}
    # Prompts are not chunked: between chunks vLLM rewinds a sample's random state, which torch cannot do on a CPU
    # (vllm/v1/worker/gpu_model_runner.py, `gen.set_offset`).
    pieces = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(2048, max_model_len)}
    return {**arguments, "distributed_executor_backend": "uni", **pieces}


def _max_model_len(
    max_tokens: int, asked: int | None, positions: int | None, prompts: Mapping[str, Sequence[Sequence[int]]]
) -> int:
    """The most tokens of prompt and response together, for which vLLM makes room."""
    name, longest = max(((name, max(map(len, each))) for name, each in prompts.items()), key=lambda pair: pair[1])
    needed = longest + max_tokens
    if asked is not None and asked < needed:
        raise UserError(
            f"--max-model-len={asked}: the longest prompt ({name}, {longest} tokens) and --max-tokens={max_tokens} "
            f"need {needed}; raise it, or lower --max-tokens"
        )
    if positions is not None and (asked or needed) > positions:
        raise UserError(
            f"--max-tokens={max_tokens}: with the longest prompt ({name}, {longest} tokens) that is "
            f"{asked or needed} tokens, and the model has {positions} positions; "
            f"use at most --max-tokens {positions - longest}"
        )
    return asked or needed


def _missing(folder: Path, benchmark: Benchmark, prompts: Sequence[list[int]], sampling: Sampling) -> list[Request]:
    """The samples that are not saved in the folder, keys of benchmark, problem and number; a last line that was cut off
    does not count."""
    name, file = benchmark.name, generations_file(folder, benchmark.name)
    if cut := set_aside_cut_line(file):
        say(f"{file}: its last line was cut off ({cut} bytes, now in {file.with_suffix('.cut')}); it is made anew")
    ids = {problem.id for problem in benchmark.problems}
    saved = {(generation["id"], generation["sample"]) for generation in read_generations(file, ids, sampling.samples)}
    return [
        Request(
            key=json.dumps([name, problem.id, number]),
            seed=sample_seed(sampling.seed, name, problem.id, number),
            tokens=tokens,
        )
        for problem, tokens in zip(benchmark.problems, prompts, strict=True)
        for number in range(sampling.samples)
        if (problem.id, number) not in saved
    ]
