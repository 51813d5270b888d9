"""``dgpo eval run``: samples of a model on benchmarks, saved as they finish; run it again and it goes on."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.chat import chat_template_sha256, prompt_tokens, prompts_sha256
from dgpo.evaluation.checks import check_options, devices_of, max_model_len
from dgpo.evaluation.error import EvalError
from dgpo.evaluation.generate import generate_missing
from dgpo.evaluation.model import Model, find_model
from dgpo.evaluation.settings import PACKAGES, agree_or_refuse
from dgpo.evaluation.store import locked
from dgpo.versions import installed_versions


def evaluate(arguments: argparse.Namespace) -> None:
    """Generate what is missing in `--out`.

    Raises:
        EvalError: an option cannot be, or vLLM has died. What was generated stays.
    """
    check_options(arguments)
    devices = devices_of(arguments)
    names = [name.strip() for name in arguments.benchmarks.split(",")]
    benchmarks = read_benchmarks(arguments.data, names, arguments.template)
    folder: Path = arguments.out
    with locked(folder):
        model = find_model(arguments.model, arguments.revision, folder, _say)
        tokenizer = _tokenizer(model)
        template = chat_template_sha256(tokenizer, arguments.model)
        prompts = {each.name: prompt_tokens(tokenizer, each) for each in benchmarks}
        room = max_model_len(arguments, model, prompts)
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
                "max_model_len": arguments.max_model_len,
                "max_num_seqs": arguments.max_num_seqs,
                "enforce_eager": arguments.enforce_eager,
            },
            "versions": installed_versions(PACKAGES),
        }
        if not agree_or_refuse(folder, settings):
            _say(f"going on with the evaluation in {folder}")
        generate_missing(folder, benchmarks, prompts, settings, model.path, room, devices, _say)


def _tokenizer(model: Model) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model.path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise EvalError(
            f"--model={model.name}: its tokenizer cannot be loaded ({error}); copy its files there"
        ) from error


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
    """Generate; 0 when all samples are there, 2 for bad input or when vLLM has died, 130 when interrupted."""
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
