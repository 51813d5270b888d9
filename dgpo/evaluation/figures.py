"""From scores.jsonl to figures with errors: accuracy, lengths, and what went wrong, for each benchmark."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgpo.evaluation.error import EvalError
from dgpo.evaluation.majority import MAX_SAMPLES, majority_at_k
from dgpo.evaluation.score import SCORES, SCORING, Score, saved_problems
from dgpo.evaluation.settings import read_settings
from dgpo.evaluation.statistics import avg_at_k, pass_at_k, standard_error_over_problems, standard_error_over_samples
from dgpo.evaluation.store import generations_file


@dataclass(frozen=True)
class Estimate:
    """A mean over problems, and its standard error clustered by problem (None for a single problem)."""

    value: float
    error: float | None


@dataclass(frozen=True)
class BenchmarkFigures:
    """One model on one benchmark.

    Attributes:
        ids: Of the problems in file order; `accuracy` is the share of right samples of each, ``(P,)``.
        avg_error_over_samples: Standard error of `avg` on these very problems, from sampling alone.
        pass_at, majority_at: By k.
        lengths: Response tokens of every sample, ``(P·n,)``.
        truncated: Share of responses cut off at `max_tokens`.
        without_answer: Share in which the verifier found no answer.
        reasons: Number of samples by the verdict's reason; "timeout" are answers that it gave up on.
    """

    name: str
    samples: int
    ids: list[str]
    accuracy: NDArray[np.float64]
    avg: Estimate
    avg_error_over_samples: float | None
    pass_at: dict[int, Estimate]
    majority_at: dict[int, Estimate]
    lengths: NDArray[np.int64]
    truncated: float
    without_answer: float
    reasons: dict[str, int]


@dataclass(frozen=True)
class Evaluation:
    """A scored folder."""

    name: str
    folder: Path
    settings: dict[str, Any]
    scoring: dict[str, Any]
    benchmarks: dict[str, BenchmarkFigures]


def read_evaluation(folder: Path, name: str, ks: Sequence[int] | None = None) -> Evaluation:
    """Figures of a scored folder.

    Args:
        folder: Of `dgpo eval run` and `dgpo eval score`.
        name: For the report.
        ks: For pass@k and maj@k, besides the number of samples n; without it, the powers of two up to n.

    Raises:
        EvalError: it is not scored, not complete, or a k is larger than n.
    """
    settings = read_settings(folder)
    samples = settings["sampling"]["samples"]
    if ks is not None and not all(1 <= k <= samples for k in ks):
        wrong = next(k for k in ks if not 1 <= k <= samples)
        raise EvalError(
            f"--k={wrong}: {folder} has {samples} samples of each problem, so k goes from 1 to {samples}; "
            f"draw more with `dgpo eval run --samples {wrong}` into the same folder"
        )
    chosen = sorted({*ks, samples}) if ks is not None else default_ks(samples)
    scoring = _scoring(folder, settings)
    scores: dict[str, list[Score]] = defaultdict(list)
    with (folder / SCORES).open(encoding="utf-8") as lines:
        for line in lines:
            score: Score = json.loads(line)
            scores[score["benchmark"]].append(score)
    figures = {}
    for each, facts in settings["benchmarks"].items():
        ids = [problem.id for problem in saved_problems(folder, each, facts)]
        figures[each] = benchmark_figures(each, ids, scores[each], samples, chosen)
    return Evaluation(name, folder, settings, scoring, figures)


def default_ks(samples: int) -> list[int]:
    """1, 2, 4, ... and n itself."""
    return sorted({2**power for power in range(samples.bit_length())} | {samples})


def benchmark_figures(
    name: str, ids: list[str], scores: Sequence[Score], samples: int, ks: Sequence[int]
) -> BenchmarkFigures:
    """Figures of one benchmark, from ``samples`` scores of each problem in any order.

    The problems come in the order of ``ids``. Two models are paired by place in the file, as its hash is of the
    problems alone: the same problems may have other ids.
    """
    problems: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        problems[score["id"]].append(score)
    correct = np.array([sum(score["correct"] for score in problems[each]) for each in ids])
    accuracy = avg_at_k(samples, correct)
    lengths = np.array([score["response_tokens"] for score in scores], dtype=np.int64)
    reasons = Counter(score["reason"] for score in scores)
    votes = [_votes(problems[each]) for each in ids] if samples <= MAX_SAMPLES else []
    return BenchmarkFigures(
        name=name,
        samples=samples,
        ids=ids,
        accuracy=accuracy,
        avg=estimate(accuracy),
        avg_error_over_samples=standard_error_over_samples(samples, correct) if samples > 1 else None,
        pass_at={k: estimate(pass_at_k(samples, correct, k)) for k in ks},
        majority_at={k: estimate([majority_at_k(*vote, k) for vote in votes]) for k in ks} if votes else {},
        lengths=lengths,
        truncated=float(np.mean([score["finish_reason"] == "length" for score in scores])),
        without_answer=reasons["no_answer"] / len(scores),
        reasons=dict(reasons.most_common()),
    )


def estimate(per_problem: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """The mean over problems, and its error."""
    values = np.asarray(per_problem, dtype=np.float64)
    return Estimate(float(values.mean()), standard_error_over_problems(values) if values.size > 1 else None)


def macro_average(estimates: Sequence[Estimate]) -> Estimate:
    """The mean over benchmarks, each counting the same, with the error of independent benchmarks."""
    value = float(np.mean([each.value for each in estimates]))
    errors = [each.error for each in estimates]
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return Estimate(value, None)
    return Estimate(value, float(np.sqrt(np.sum(np.square(known))) / len(known)))


def _votes(scores: Sequence[Score]) -> tuple[int, list[int], int]:
    """For `majority_at_k`: right samples, sizes of the classes of wrong answers, samples without an answer."""
    classes = Counter(score["answer_class"] for score in scores)
    right, without = classes.pop(0, 0), classes.pop(None, 0)
    return right, list(classes.values()), without


def _scoring(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    if not (folder / SCORING).is_file() or not (folder / SCORES).is_file():
        raise EvalError(f"{folder}: it has no scores; make them with `dgpo eval score {folder}`")
    scoring = json.loads((folder / SCORING).read_text())
    for name in settings["benchmarks"]:
        count = scoring["benchmarks"].get(name, {"bytes": -1, "cut": 0, "scored": 0})
        expected = settings["sampling"]["samples"] * settings["benchmarks"][name]["problems"]
        file = generations_file(folder, name)
        if not file.exists() or file.stat().st_size != count["bytes"] + count["cut"]:
            raise EvalError(f"{file}: it has changed since it was scored; score again with `dgpo eval score {folder}`")
        if count["scored"] < expected:
            raise EvalError(
                f"{folder}: {expected - count['scored']} of {expected} samples of {name} are missing, and figures of a "
                "part would favour short responses; finish it with the same `dgpo eval run`, then score again"
            )
    return scoring
