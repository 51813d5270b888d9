"""Throughput of `dgpo eval score`: responses a second and memory, with and without remembered verdicts.

    python -m benchmarks.eval_scoring --output benchmarks/results/eval_scoring.md

The generations are made up, in the shape of a reasoning benchmark: `--problems` problems with `--samples` responses of
`--tokens` tokens (4 characters each). Half of the problems ask for a number, the others for an expression that only the
symbolic stage can compare. Of the responses six in ten are right, in spellings that differ; the wrong ones are one of
three; one in ten has no answer. "command" is the whole command, start-up included; "in process" is `score_generations`
alone, which can also be had without the cache of verdicts.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, arguments_of, machine, publish, watched
from dgpo.data.schema import make_row, write_parquet
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.generations import append, data_file, read_generations
from dgpo.evaluation.score import SCORES, TIMEOUT, score_generations
from dgpo.evaluation.settings import Engine, ModelFacts, Sampling, Settings, agree_or_refuse
from dgpo.files import replace_json
from dgpo.tables import Table
from dgpo.verifier.symbolic import compare
from dgpo.verifier.symbolic.compare import CACHE_SIZE
from dgpo.verifier.symbolic.pool import shared_pool


def make(folder: Path, problems: int, samples: int, tokens: int) -> None:
    """Write an evaluation of made-up responses."""
    rng = random.Random(0)
    rows = [
        make_row(problem=f"p{i}", ground_truth=gold(i), data_source="made-up", index=i, split="test", id=f"p{i}")
        for i in range(problems)
    ]
    write_parquet(rows, folder / "made/made-up.parquet")
    (benchmark,) = read_benchmarks(folder / "made", ["made-up"])
    settings = Settings(
        model=ModelFacts(name="none", revision="none"),
        benchmarks={"made-up": benchmark.facts},
        sampling=Sampling(samples=samples, max_tokens=tokens),
        engine=Engine(),
        versions={},
    )
    agree_or_refuse(folder, settings)
    data_file(folder, "made-up").parent.mkdir()
    benchmark.path.rename(data_file(folder, "made-up"))
    thinking = "<think>\n" + "Let us see: so " * (4 * tokens // 15) + "\n</think>\n"
    for i in range(problems):
        lines: list[Any] = [
            {
                "id": f"p{i}", "sample": sample, "seed": 0, "prompt_tokens": 100, "response_tokens": tokens,
                "finish_reason": "stop", "text": thinking + response(i, rng),
            }
            for sample in range(samples)
        ]  # fmt: skip
        append(folder, {"made-up": lines})


def gold(i: int) -> str:
    return str(i) if i % 2 else f"{i + 2}(f(x)+{2 + i % 5})"


def response(i: int, rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.1:
        return "I do not know."
    if i % 2:
        right, wrong = [str(i), f"{i}.0", f" {i} "], ["1", "2", "3"]
    else:
        factor, term = i + 2, (i + 2) * (2 + i % 5)
        right = [f"{factor}f(x)+{term}", f"{term}+{factor}f(x)", gold(i)]
        wrong = [f"{factor}f(x)+{term + number}" for number in (1, 2, 3)]
    return rf"\boxed{{{rng.choice(right if kind < 0.7 else wrong)}}}"


def measure(folder: Path, processes: int) -> dict[str, Any]:
    """Score as a person does, and watch the memory of all processes (shared pages counted once)."""
    command = [sys.executable, "-m", "dgpo.cli", "eval", "score", str(folder), "--processes", str(processes)]
    seconds, peak = watched(command, 1.0)
    scores = [json.loads(line) for line in (folder / SCORES).open()]
    how = f"command, {processes} processes" if processes > 1 else "command, 1 process"
    return figures(how, scores, seconds, cache=True, peak=peak)


def measure_in_process(folder: Path, cache: bool) -> dict[str, Any]:
    """The same responses without processes around the verifier, and perhaps without its memory of verdicts."""
    kept = CACHE_SIZE if cache else 0
    compare._remembered = lru_cache(maxsize=kept)(compare._remembered.__wrapped__)
    shared_pool().close()  # its workers remember expressions that they have parsed
    shared_pool().start()
    golds = {f"p{i}": gold(i) for i in range(10**5)}
    file = folder / "generations/made-up.jsonl"
    pairs = [(each, golds[each["id"]]) for each in read_generations(file, golds, 10**6)]
    started = time.monotonic()
    scores = [score for score, _ in score_generations(pairs, "made-up", "boxed", TIMEOUT)]
    return figures("in process", scores, time.monotonic() - started, cache=cache)


def figures(
    how: str, scores: Sequence[Mapping[str, Any]], seconds: float, *, cache: bool, peak: int | None = None
) -> dict[str, Any]:
    """A row of the results; ``peak`` in bytes."""
    return {
        "how": how,
        "cache": cache,
        "responses": len(scores),
        "symbolic": sum(score["stage"] == "symbolic" for score in scores),
        "cached": sum(score["cached"] for score in scores),
        "correct": sum(score["correct"] for score in scores),
        "seconds": seconds,
        "responses_per_second": len(scores) / seconds,
        "peak_memory_mib": None if peak is None else peak / 2**20,
    }


def table(results: list[dict[str, Any]]) -> Table:
    head = ("how", "cache", "responses", "compared symbolically", "of those remembered", "responses/s", "memory (MiB)")
    rows = [
        (
            r["how"],
            "yes" if r["cache"] else "no",
            f"{r['responses']:,}",
            f"{r['symbolic'] / r['responses']:.0%}",
            f"{r['cached'] / max(r['symbolic'], 1):.0%}",
            f"{r['responses_per_second']:,.0f}",
            "–" if r["peak_memory_mib"] is None else f"{r['peak_memory_mib']:.0f}",
        )
        for r in results
    ]
    return Table(head, rows, words=head[:2])


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "eval_scoring.md")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, arguments.problems, arguments.samples, arguments.tokens)
        gigabytes = (folder / "generations/made-up.jsonl").stat().st_size / 1e9
        for processes in arguments.processes:
            results.append(measure(folder, processes))
        for cache in (True, False):
            results.append(measure_in_process(folder, cache))
    shape = f"{arguments.problems} problems, {arguments.samples} samples, {arguments.tokens} tokens, {gigabytes:.2f} GB"
    publish(arguments.output, table(results), about=f"{machine()}; {shape}")
    replace_json(arguments.output.with_suffix(".json"), {"machine": machine(), "shape": shape, "results": results})


if __name__ == "__main__":
    main()
