"""`dgpo eval score`: judges saved generations by the verifier of the training reward, without GPU or vLLM.

DIR/scores.jsonl    a `Score` on each line
DIR/scoring.json    how they were made, and from which files; written last, so scores without it do not count
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict, cast

from dgpo.data.answers import group_equal
from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import Problem, read_benchmark
from dgpo.evaluation.generations import Generation, data_file, generations_file, locked, read_generations
from dgpo.evaluation.settings import FILE, PACKAGES, BenchmarkFacts, Settings, read_settings
from dgpo.files import draft_of, file_sha256, json_lines, json_object, replace_json
from dgpo.progress import ProgressBar
from dgpo.verifier import VERSION, verify
from dgpo.verifier.answers.reading import read
from dgpo.verifier.files.processes import Processes
from dgpo.verifier.stages import Mode
from dgpo.versions import installed_versions

SCORES, SCORING = "scores.jsonl", "scoring.json"
TIMEOUT = 2.0
"""Seconds, as in the training reward (`rewards.verl.compute_score`)."""
BATCH = 16
MAX_ANSWER_CHARS = 200
MAX_COMPARED_CHARS = 1000
COMPARABLE = ("mismatch", "hedge", "unparsed")
"""Verdicts on wrong answers that are grouped by value; others are grouped by their text alone."""


class Score(TypedDict):
    """One line of scores.jsonl.

    `reason` and `stage` are the verdict's. `answer` is cut to 200 characters. `answer_class` numbers the
    different answers to a problem, for the majority vote: 0 is the right one, None no answer.
    """

    benchmark: str
    id: str
    sample: int
    correct: bool
    reason: str
    stage: str
    answer: str | None
    answer_class: int | None
    response_tokens: int
    finish_reason: str


def score_generations(
    batch: Sequence[tuple[Generation, str]], benchmark: str, mode: Mode, timeout: float
) -> list[tuple[Score, str]]:
    """The score of each (generation, ground truth), still without a class, and the key to group its answer by."""
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
            "answer": answer if answer is None else answer[:MAX_ANSWER_CHARS],
            "answer_class": 0 if verdict else None,
            "response_tokens": generation["response_tokens"],
            "finish_reason": generation["finish_reason"],
        }
        scored.append((score, answer_key(answer[:MAX_COMPARED_CHARS]) if answer else ""))
    return scored


def score_folder(
    folder: Path, *, mode: Mode = "boxed", timeout: float = TIMEOUT, processes: int | None = None
) -> dict[str, dict[str, Any]]:
    """Score every generation in `folder` again, by `dgpo.verifier.verify` in so many `Processes`.

    Returns of each benchmark the samples expected and scored, and the SHA-256 of their file.

    Raises:
        UserError: the folder holds no evaluation, its generations or data are damaged, or an option is invalid.
    """
    if not 0 < timeout < math.inf:
        raise UserError(f"--timeout={timeout}: it must be a positive number of seconds")
    if processes is not None and processes < 1:
        raise UserError(f"--processes={processes}: it must be at least 1")
    settings = read_settings(folder)  # before the lock makes the folder
    samples = settings.sampling.samples
    pool = Processes(processes)
    with locked(folder):
        golds = {
            name: {problem.id: problem.ground_truth for problem in saved_problems(folder, name, facts)}
            for name, facts in settings.benchmarks.items()
        }
        (folder / SCORING).unlink(missing_ok=True)
        total = samples * sum(map(len, golds.values()))
        counts: dict[str, dict[str, Any]] = {}
        try:
            with (
                draft_of(folder / SCORES) as draft,
                draft.open("w", encoding="utf-8") as out,
                pool,
                ProgressBar("scoring", total) as progress,
            ):
                for name, gold in golds.items():
                    file = generations_file(folder, name)
                    pairs = ((each, gold[each["id"]]) for each in read_generations(file, gold, samples))
                    scores = _scores(pairs, name, mode, timeout, pool, progress)
                    out.writelines(json.dumps(score) + "\n" for score in scores)
                    sha256 = file_sha256(file) if file.exists() else None
                    counts[name] = {"expected": samples * len(gold), "scored": len(scores), "sha256": sha256}
        except BrokenProcessPool as error:
            raise UserError(
                f"{folder}: a scoring process was killed, most likely for want of memory; use fewer with "
                f"--processes {max(1, pool.size // 2)}"
            ) from error
        except RuntimeError as error:
            raise UserError(f"{folder}: {error}") from error
        versions = {**installed_versions(PACKAGES), "dgpo.verifier": VERSION}
        made = {"mode": mode, "timeout": timeout, "versions": versions, "sha256": file_sha256(folder / SCORES)}
        replace_json(folder / SCORING, {**made, "benchmarks": counts})
    return counts


def _scores(
    pairs: Iterator[tuple[Generation, str]],
    benchmark: str,
    mode: Mode,
    timeout: float,
    pool: Processes,
    progress: ProgressBar,
) -> list[Score]:
    """The score of each (generation, ground truth) of a benchmark; each problem's wrong answers are numbered from 1."""
    scores: list[Score] = []
    wrong: dict[str, list[tuple[Score, str]]] = defaultdict(list)
    batches = iter(lambda: list(islice(pairs, BATCH)), [])
    for scored in pool.map(score_generations, ((batch, benchmark, mode, timeout) for batch in batches)):
        for score, key in scored:
            scores.append(score)
            if key and not score["correct"]:
                wrong[score["id"]].append((score, key))
        progress.advance(len(scored))
    tasks = (([(key, score["reason"] in COMPARABLE) for score, key in each], timeout) for each in wrong.values())
    for members, classes in zip(wrong.values(), pool.map(group_answers, tasks), strict=True):
        for (score, _), number in zip(members, classes, strict=True):
            score["answer_class"] = 1 + number
    return scores


def answer_key(answer: str) -> str:
    """The answer without irrelevant layout, still readable by the verifier; equal keys are equal answers."""
    return read(answer).latex or answer.strip()


def group_answers(answers: Sequence[tuple[str, bool]], timeout: float) -> list[int]:
    """The class of each answer to one problem, from 0. Those of a class have equal keys, or verify as equal.

    Args:
        answers: Each `answer_key`, and whether it is `COMPARABLE`. If not, it equals only its own copies, so that an
            answer that ran into the time limit is not compared again.
        timeout: Seconds for comparing two answers. An answer joins the first class whose first member it equals.
    """
    readable = dict(answers)

    def are_equal(answer: str, first: str) -> bool:
        return readable[answer] and readable[first] and bool(verify(answer, first, mode="answer", timeout=timeout))

    numbers = {text: number for number, group in enumerate(group_equal(readable, are_equal)) for text in group}
    return [numbers[text] for text, _ in answers]


def saved_problems(folder: Path, name: str, facts: BenchmarkFacts) -> list[Problem]:
    """The problems in file order, from the copy of the benchmark in the folder; UserError if that is missing, or is
    not the file that `facts` of the settings describe."""
    file = data_file(folder, name)
    if not file.is_file():
        raise UserError(f"{file}: it is missing; run `dgpo eval run` again, which copies the benchmark there")
    if file_sha256(file) != facts.sha256:
        raise UserError(f"{file}: it is not the file that the answers were generated for; restore it")
    return read_benchmark(file.parent, name).problems


def read_scores(folder: Path, settings: Settings) -> tuple[dict[str, Any], dict[str, dict[str, list[Score]]]]:
    """How an evaluation was scored, and its scores by benchmark and problem; UserError where it is not scored, is not
    complete, or has changed since."""
    if not (folder / SCORING).is_file() or not (folder / SCORES).is_file():
        raise UserError(f"{folder}: it has no scores; make them with `dgpo eval score {folder}`")
    scoring = json_object(folder / SCORING)
    try:
        counts = {name: scoring["benchmarks"][name] for name in settings.benchmarks}
        scored = {generations_file(folder, name): count["sha256"] for name, count in counts.items()}
        for file, sha256 in {folder / SCORES: scoring["sha256"], **scored}.items():
            if not file.exists() or file_sha256(file) != sha256:
                raise _changed(folder, file)
        for name, facts in settings.benchmarks.items():
            expected = settings.sampling.samples * facts.problems
            if (missing := expected - counts[name]["scored"]) > 0:
                raise UserError(
                    f"{folder}: {missing} of {expected} samples of {name} are missing, and figures of a part would "
                    "favour short responses; finish it with the same `dgpo eval run`, then score again"
                )
    except (KeyError, TypeError) as error:
        raise _changed(folder, folder / SCORING) from error
    scores: dict[str, dict[str, list[Score]]] = {
        name: {problem.id: [] for problem in saved_problems(folder, name, facts)}
        for name, facts in settings.benchmarks.items()
    }
    for _, score in json_lines(folder / SCORES):
        if score["benchmark"] in scores:
            scores[score["benchmark"]][score["id"]].append(cast(Score, score))
    if any(len(each) != settings.sampling.samples for problems in scores.values() for each in problems.values()):
        raise _changed(folder, folder / FILE)
    return scoring, scores


def _changed(folder: Path, file: Path) -> UserError:
    return UserError(f"{file}: it has changed since it was scored; score again with `dgpo eval score {folder}`")
