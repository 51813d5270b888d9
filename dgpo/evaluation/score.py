"""``dgpo eval score``: verdicts on saved generations, by the verifier of the training reward; no GPU, no vLLM.

DIR/scores.jsonl    a `Score` a line
DIR/scoring.json    how they were made, and of which files; written last, so scores without it do not count
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict, TypeVar, get_args

from dgpo.evaluation.benchmarks import Problem, read_benchmark
from dgpo.evaluation.error import EvalError
from dgpo.evaluation.majority import answer_key, group_answers
from dgpo.evaluation.settings import PACKAGES, read_settings
from dgpo.evaluation.store import Generation, data_file, generations_file, locked, read_generations
from dgpo.files import file_sha256, replace_json
from dgpo.progress import ProgressBar
from dgpo.verifier import verify
from dgpo.verifier.processes import MAX_PROCESSES, Processes
from dgpo.verifier.stages import Mode
from dgpo.versions import installed_versions

SCORES, SCORING = "scores.jsonl", "scoring.json"
TIMEOUT = 2.0
"""Seconds, as in the training reward (`rewards.verl.compute_score`)."""
BATCH = 16
MAX_ANSWER_CHARS = 200
MAX_COMPARED_CHARS = 1000
COMPARABLE = ("mismatch", "hedge")
"""Verdicts on wrong answers that the verifier could read; others are grouped by their text alone."""

T = TypeVar("T")


class Score(TypedDict):
    """One line of scores.jsonl.

    `reason`, `stage` and `cached` are the verdict's. `answer` is cut to 200 characters. `answer_class` numbers the
    different answers to a problem, for the majority vote: 0 is the right one, None no answer.
    """

    benchmark: str
    id: str
    sample: int
    correct: bool
    reason: str
    stage: str
    cached: bool
    answer: str | None
    answer_class: int | None
    response_tokens: int
    finish_reason: str


def score_generations(
    batch: Sequence[tuple[Generation, str]], benchmark: str, mode: Mode, timeout: float
) -> list[tuple[Score, str]]:
    """The score of each (generation, ground truth), its class left open, and the answer as a key to group by."""
    scored = []
    for generation, ground_truth in batch:
        verdict = verify(generation["text"], ground_truth, mode=mode, timeout=timeout)
        answer = verdict.answer
        score: Score = {
            "benchmark": benchmark,
            "id": generation["id"],
            "sample": generation["sample"],
            "correct": bool(verdict),
            "reason": verdict.reason,
            "stage": verdict.stage,
            "cached": verdict.cached,
            "answer": answer if answer is None else answer[:MAX_ANSWER_CHARS],
            "answer_class": 0 if verdict else None,
            "response_tokens": generation["response_tokens"],
            "finish_reason": generation["finish_reason"],
        }
        scored.append((score, answer_key(answer[:MAX_COMPARED_CHARS]) if answer else ""))
    return scored


def score_folder(folder: Path, *, mode: Mode = "boxed", timeout: float = TIMEOUT, processes: int | None = None) -> None:
    """Score every generation in `folder` anew.

    Args:
        folder: Of `dgpo eval run`.
        mode: Where the verifier looks for the answer; see `dgpo.rewards.verify`.
        timeout: Seconds of symbolic work for an answer.
        processes: That verify; see `Processes`.

    Raises:
        EvalError: the folder holds no evaluation, or its generations or data are damaged.
    """
    settings = read_settings(folder)
    samples = settings["sampling"]["samples"]
    golds = {
        name: {problem.id: problem.ground_truth for problem in saved_problems(folder, name, facts)}
        for name, facts in settings["benchmarks"].items()
    }
    expected = {name: samples * len(gold) for name, gold in golds.items()}
    draft = folder / f".{SCORES}.partial"
    counts: dict[str, dict[str, int]] = {}
    (folder / SCORING).unlink(missing_ok=True)
    pool = Processes(processes)
    try:
        with (
            pool,
            draft.open("w", encoding="utf-8") as out,
            ProgressBar("scoring", sum(expected.values())) as progress,
        ):
            for name, gold in golds.items():
                file = generations_file(folder, name)
                cut: list[int] = []
                scored: list[tuple[Score, str]] = []
                pairs = ((each, gold[each["id"]]) for each in read_generations(file, gold, samples, cut))
                tasks = ((batch, name, mode, timeout) for batch in _batches(pairs, BATCH))
                for batch in pool.map(score_generations, tasks):
                    scored += batch
                    progress.advance(len(batch))
                _classify(scored, timeout, pool)
                out.writelines(json.dumps(score) + "\n" for score, _ in scored)
                read = (file.stat().st_size if file.exists() else 0) - sum(cut)
                counts[name] = {"expected": expected[name], "scored": len(scored), "bytes": read, "cut": sum(cut)}
            out.flush()
            os.fsync(out.fileno())
        draft.replace(folder / SCORES)
    except BrokenProcessPool as error:
        raise EvalError(
            f"{folder}: a scoring process was killed, most likely for want of memory; use fewer with "
            f"--processes {max(1, pool.size // 2)}"
        ) from error
    except RuntimeError as error:
        raise EvalError(f"{folder}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    versions = installed_versions(PACKAGES)
    replace_json(folder / SCORING, {"mode": mode, "timeout": timeout, "versions": versions, "benchmarks": counts})


def _classify(scored: list[tuple[Score, str]], timeout: float, pool: Processes) -> None:
    """Number the wrong answers of each problem from 1; see `Score`."""
    wrong: dict[str, list[tuple[Score, str]]] = defaultdict(list)
    for score, key in scored:
        if key and not score["correct"]:
            wrong[score["id"]].append((score, key))
    tasks = (([(key, score["reason"] in COMPARABLE) for score, key in each], timeout) for each in wrong.values())
    for members, classes in zip(wrong.values(), pool.map(group_answers, tasks), strict=True):
        for (score, _), number in zip(members, classes, strict=True):
            score["answer_class"] = 1 + number


def saved_problems(folder: Path, name: str, facts: dict[str, Any]) -> list[Problem]:
    """The problems in file order, from the copy of the benchmark in the folder.

    Raises EvalError where it is missing, or not the file that `facts`, of the settings, describe.
    """
    file = data_file(folder, name)
    if not file.is_file():
        raise EvalError(f"{file}: it is missing; run `dgpo eval run` again, which copies the benchmark there")
    if file_sha256(file) != facts["sha256"]:
        raise EvalError(f"{file}: it is not the file that the answers were generated for; restore it")
    return read_benchmark(file.parent, name).problems


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def main(argv: Sequence[str] | None = None) -> int:
    """Score; 0 when done, 2 for bad input, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="dgpo eval score", description="Score saved generations, without a GPU.")
    parser.add_argument("folder", type=Path, help="of `dgpo eval run`")
    parser.add_argument(
        "--mode", choices=get_args(Mode), default="boxed", help="where the answer is (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT, help="seconds of symbolic work for an answer (default: %(default)s)"
    )
    parser.add_argument("--processes", type=int, help=f"default: the cores, at most {MAX_PROCESSES}")
    arguments = parser.parse_args(argv)
    try:
        if not arguments.timeout > 0:
            raise EvalError(f"--timeout={arguments.timeout}: it must be a positive number of seconds")
        if arguments.processes is not None and arguments.processes < 1:
            raise EvalError(f"--processes={arguments.processes}: it must be at least 1")
        read_settings(arguments.folder)  # before the lock makes the folder
        with locked(arguments.folder):
            score_folder(
                arguments.folder, mode=arguments.mode, timeout=arguments.timeout, processes=arguments.processes
            )
    except EvalError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {arguments.folder} has no scores now, score it again", file=sys.stderr)
        return 130
    for name, count in json.loads((arguments.folder / SCORING).read_text())["benchmarks"].items():
        missing = count["expected"] - count["scored"]
        note = f"; {missing} samples are missing: run `dgpo eval run` again" if missing else ""
        print(f"{name}: {count['scored']} samples scored{note}")
    return 0
