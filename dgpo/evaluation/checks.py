"""Options of `dgpo eval run` held against each other, the machine and the model, before anything starts."""

import argparse
import math
import os
from collections.abc import Mapping, Sequence

from dgpo import cuda
from dgpo.evaluation.error import EvalError
from dgpo.evaluation.model import Model


def devices_of(arguments: argparse.Namespace) -> list[list[str] | None]:
    """The GPUs of each engine, or [None] on a machine without."""
    import torch

    tensor, data = arguments.tensor_parallel_size, arguments.data_parallel_size
    count = torch.cuda.device_count()
    if not count:
        if tensor * data > 1:
            option = "--tensor-parallel-size" if tensor > 1 else "--data-parallel-size"
            raise EvalError(f"{option}={max(tensor, data)}: this machine has no GPU and runs one engine; leave it out")
        return [None]
    for message, remedy in cuda.missing():
        raise EvalError(f"{message}; {remedy}")
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = [each.strip() for each in named.split(",")] if named else [str(number) for number in range(count)]
    if tensor * data > len(visible):
        raise EvalError(
            f"--tensor-parallel-size={tensor} times --data-parallel-size={data} needs {tensor * data} GPUs, and "
            f"{len(visible)} are visible; lower one of them"
        )
    return [visible[number * tensor : (number + 1) * tensor] for number in range(data)]


def max_model_len(arguments: argparse.Namespace, model: Model, prompts: Mapping[str, Sequence[Sequence[int]]]) -> int:
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


def check_options(arguments: argparse.Namespace) -> None:
    """EvalError for a value out of its range."""
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
    if arguments.seed < 0:
        raise EvalError(f"--seed={arguments.seed}: it must be 0 or more")
    if arguments.temperature == 0 and arguments.samples > 1:
        raise EvalError(
            f"--temperature=0: greedy decoding gives the same answer {arguments.samples} times; use --samples 1"
        )
