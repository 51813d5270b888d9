"""Figures of a scored evaluation, with errors: accuracy, lengths and faults on each benchmark."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgpo.errors import UserError
from dgpo.evaluation.score import Score, read_scores
from dgpo.evaluation.settings import Settings, read_settings
from dgpo.evaluation.statistics import (
    MAX_SAMPLES,
    avg_at_k,
    majority_at_k,
    pass_at_k,
    standard_error_over_problems,
    standard_error_over_samples,
)


@dataclass(frozen=True)
class Estimate:
    """A mean over problems, and its standard error clustered by problem (NaN for a single problem)."""

    value: float
    error: float

    def percent(self) -> str:
        """Per cent with its error."""
        return f"{100 * self.value:.1f}" + ("" if isnan(self.error) else f" ± {100 * self.error:.1f}")


@dataclass(frozen=True)
class BenchmarkFigures:
    """One model on one benchmark.

    Attributes:
        accuracy: Share of right samples of each problem in file order, ``(P,)``.
        avg_error_over_samples: Standard error of `avg` on exactly these problems, from sampling alone.
        pass_at, majority_at: pass@k and maj@k by k.
        lengths: Response tokens of every sample, ``(P·n,)``; `length` has their mean, percentiles and maximum.
        truncated: Share of responses cut off at `max_tokens`.
        without_answer: Share in which the verifier found no answer.
        reasons: Number of samples by the verdict's reason; "timeout" counts answers that the verifier gave up on.
    """

    samples: int
    accuracy: NDArray[np.float64]
    avg: Estimate
    avg_error_over_samples: float
    pass_at: dict[int, Estimate]
    majority_at: dict[int, Estimate]
    lengths: NDArray[np.int64]
    length: dict[str, float]
    truncated: float
    without_answer: float
    reasons: dict[str, int]

    def summary(self) -> dict[str, Any]:
        """These figures as in report.json."""
        content = asdict(self)
        content["avg"]["error_over_samples"] = content.pop("avg_error_over_samples")
        by_k = {name: {str(k): each for k, each in content[name].items()} for name in ("pass_at", "majority_at")}
        del content["accuracy"], content["lengths"]
        return {"problems": self.accuracy.size, **content, **by_k}


@dataclass(frozen=True)
class Evaluation:
    """A scored folder; `scores` by benchmark and problem, in file order."""

    name: str
    folder: Path
    settings: Settings
    scoring: dict[str, Any]
    scores: dict[str, dict[str, list[Score]]]
    benchmarks: dict[str, BenchmarkFigures]


def read_evaluation(folder: Path, name: str, ks: Sequence[int] | None = None) -> Evaluation:
    """Figures of a scored folder, for the k of `ks`, by default the powers of two, and for all n samples.
    UserError where it is not scored or not complete, or a k is larger than n."""
    settings = read_settings(folder)
    samples = settings.sampling.samples
    for k in ks or ():
        if not 1 <= k <= samples:
            more = f"draw more with `dgpo eval run --samples {k}` into the same folder"
            raise UserError(
                f"--k={k}: {folder} has {samples} samples of each problem, so k goes from 1 to {samples}; "
                f"{more if k > samples else 'name such a k'}"
            )
    chosen = sorted({*(ks if ks is not None else (2**power for power in range(samples.bit_length()))), samples})
    scoring, scores = read_scores(folder, settings)
    figures = {each: benchmark_figures([*problems.values()], samples, chosen) for each, problems in scores.items()}
    return Evaluation(name, folder, settings, scoring, scores, figures)


def by_benchmark(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, int, Evaluation, BenchmarkFigures]]:
    """Name of a benchmark, number of an evaluation that has it, that evaluation, and its figures."""
    for name in dict.fromkeys(name for each in evaluations for name in each.benchmarks):
        for place, each in enumerate(evaluations):
            if name in each.benchmarks:
                yield name, place, each, each.benchmarks[name]


def all_benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    """Every benchmark of any evaluation, in order of appearance."""
    return list(dict.fromkeys(name for name, *_ in by_benchmark(evaluations)))


def shared_benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    """The benchmarks that all evaluations have, in the first one's order; macro averages are over these."""
    return [name for name in evaluations[0].benchmarks if all(name in each.benchmarks for each in evaluations)]


def benchmark_figures(problems: Sequence[Sequence[Score]], samples: int, ks: Sequence[int]) -> BenchmarkFigures:
    """Figures of one benchmark, from ``samples`` scores of each problem in file order.

    Two models are paired by this order, because the same problems may have different ids in two files.
    """
    correct = np.array([sum(score["correct"] for score in each) for each in problems])
    accuracy = avg_at_k(samples, correct)
    scores = [score for each in problems for score in each]
    lengths = np.array([score["response_tokens"] for score in scores], dtype=np.int64)
    quantiles = {f"p{q}": float(np.percentile(lengths, q)) for q in (50, 90, 99)}
    reasons = Counter(score["reason"] for score in scores)
    counted = [votes(each) for each in problems] if samples <= MAX_SAMPLES else []
    return BenchmarkFigures(
        samples=samples,
        accuracy=accuracy,
        avg=estimate(accuracy),
        avg_error_over_samples=standard_error_over_samples(samples, correct) if samples > 1 else nan,
        pass_at={k: estimate(pass_at_k(samples, correct, k)) for k in ks},
        majority_at={k: estimate([majority_at_k(*each, k) for each in counted]) for k in ks} if counted else {},
        lengths=lengths,
        length={"mean": float(lengths.mean()), **quantiles, "max": int(lengths.max())},
        truncated=float(np.mean([score["finish_reason"] == "length" for score in scores])),
        without_answer=reasons["no_answer"] / len(scores),
        reasons=dict(reasons.most_common()),
    )


def estimate(per_problem: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """The mean over problems, with its standard error."""
    values = np.asarray(per_problem, dtype=np.float64)
    return Estimate(float(values.mean()), standard_error_over_problems(values) if values.size > 1 else nan)


def macro_average(estimates: Sequence[Estimate]) -> Estimate:
    """The mean over benchmarks, each counting the same, with the error of independent benchmarks."""
    errors = np.array([each.error for each in estimates])
    return Estimate(float(np.mean([each.value for each in estimates])), float(np.sqrt(np.sum(errors**2)) / errors.size))


def votes(scores: Sequence[Score]) -> tuple[int, list[int], int]:
    """The arguments of `majority_at_k`: right samples, sizes of the wrong classes, samples without an answer."""
    classes = Counter(score["answer_class"] for score in scores)
    right, without = classes.pop(0, 0), classes.pop(None, 0)
    return right, list(classes.values()), without
