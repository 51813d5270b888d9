"""Which of the distinct problems are written: those that can be checked, are short enough, in no benchmark, drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dgpo.data.answers import ground_truth_faults
from dgpo.data.merge import Entry, Tally, describe
from dgpo.data.options import Options
from dgpo.data.prompts import render
from dgpo.data.schema import Message

if TYPE_CHECKING:
    from dgpo.data.overlap import BenchmarkIndex

Steps = Callable[[str, int | None], Callable[[int], None]]
"""Begins a step (what it does, how many items, None for unknown); the function it returns is told of progress."""


def with_readable_answer(entries: Sequence[Entry], tally: Tally, steps: Steps) -> list[Entry]:
    """Those whose ground truth verifies against itself and can be compared (`ground_truth_faults`)."""
    advance = steps("checking answers", len(entries))
    kept = []
    faults = ground_truth_faults([entry.ground_truth for entry in entries])
    for place, (entry, fault) in enumerate(zip(entries, faults, strict=True), start=1):
        if fault:
            account = describe(entry.first, entry.row, answer=entry.ground_truth, fault=fault)
            tally.drop("unreadable answer", 1, account)
        else:
            kept.append(entry)
        advance(place)
    return kept


class PromptLimit(NamedTuple):
    """A prompt's greatest length: how many of which unit, and how those of a user message are counted."""

    most: int
    unit: str
    length: Callable[[str], int]


def prompt_limit(options: Options) -> PromptLimit | None:
    """The limit that the options set, None for none. Raises what `token_counter` raises."""
    if options.max_prompt_tokens is not None and options.tokenizer is not None:
        return PromptLimit(options.max_prompt_tokens, "tokens", token_counter(options.tokenizer))
    if options.max_prompt_chars is not None:
        return PromptLimit(options.max_prompt_chars, "characters", len)
    return None


def short_enough(
    entries: Sequence[Entry], template_text: str, limit: PromptLimit | None, tally: Tally, steps: Steps
) -> list[Entry]:
    """Those whose user message, or whose whole prompt in tokens, is within the limit, if there is one."""
    if limit is None:
        return list(entries)
    advance = steps("measuring prompts", len(entries))
    kept = []
    for place, entry in enumerate(entries, start=1):
        length = limit.length(render(template_text, entry.first.problem))
        if length > limit.most:
            tally.drop("prompt too long", 1, describe(entry.first, entry.row, **{limit.unit: length}))
        else:
            kept.append(entry)
        advance(place)
    return kept


def token_counter(folder: Path) -> Callable[[str], int]:
    """Counts the tokens of a user message as the chat template renders it, the start of the response included.

    Raises ValueError where there is no tokenizer or it has no chat template.
    """
    if not folder.is_dir():
        raise ValueError(f"tokenizer={folder}: there is no such folder; give a Hugging Face model folder")
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"tokenizer={folder} cannot be loaded ({error!s:.200}); give a model folder") from error
    if not tokenizer.chat_template:
        raise ValueError(f"tokenizer={folder} has no chat template; give one of a chat model")

    def count(user: str) -> int:
        messages: list[Message] = [{"role": "user", "content": user}]
        ids: Any = tokenizer.apply_chat_template(
            messages,  # pyright: ignore[reportArgumentType]
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
        return len(ids)

    return count


def benchmark_index(options: Options) -> BenchmarkIndex | None:
    """The benchmarks that the options name, None for none. A benchmark is not compared with itself.

    Raises what `benchmark_files` and `read_benchmark` raise.
    """
    if not options.decontaminate:
        return None
    from dgpo.data.overlap import BenchmarkIndex, benchmark_files, read_benchmark

    files = benchmark_files(options.decontaminate)
    benchmarks = [each for file in files for each in read_benchmark(file) if each.name != options.name]
    return BenchmarkIndex(benchmarks, options.near)


def decontaminated(entries: Sequence[Entry], index: BenchmarkIndex | None, tally: Tally, steps: Steps) -> list[Entry]:
    """Those that repeat no problem of the benchmarks, if there are any."""
    if index is None:
        return list(entries)
    advance = steps(f"comparing with {len(index)} benchmark problems", len(entries))
    kept = []
    for place, entry in enumerate(entries, start=1):
        overlap = index.find(entry.first.problem)
        if overlap is None:
            kept.append(entry)
        else:
            twin = overlap.benchmark
            account = describe(
                entry.first,
                entry.row,
                benchmark=twin.name,
                benchmark_id=twin.id,
                benchmark_problem=twin.problem,
                similarity=round(overlap.similarity, 3),
            )
            tally.drop("in a benchmark" if overlap.similarity == 1 else "nearly in a benchmark", 1, account)
        advance(place)
    return kept


def drawn(entries: Sequence[Entry], tally: Tally, options: Options) -> list[Entry]:
    """As many as the limit allows, drawn without replacement, in their order."""
    if options.limit is None or options.limit >= len(entries):
        return list(entries)
    tally.dropped["beyond the limit"] += len(entries) - options.limit
    places = sorted(random.Random(options.seed).sample(range(len(entries)), options.limit))
    return [entries[place] for place in places]
