"""What a validation measured, from the dump that verl writes of its answers."""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgpo.evaluation.statistics import pass_at_k, standard_error_over_problems


@dataclass(frozen=True)
class Validation:
    """What one validation measured, over ``problems`` problems with ``samples`` answers each.

    ``measure`` is ``acc``, or ``score`` where the reward gives no ``acc``. ``mean`` is mean@k with its standard error
    over problems; ``best`` is the unbiased pass@k, NaN where answers are not just right or wrong; ``verdicts`` is the
    share of answers by the verdict's reason.
    """

    step: int
    measure: str
    problems: int
    samples: int
    mean: float
    error: float
    best: float
    verdicts: dict[str, float]


def read_validation(file: Path) -> Validation:
    """What a dump of verl's says: a line for each answer, whose ``uid`` begins with its prompt's.

    Raises:
        ValueError: it holds no answers, or is cut off, or no dump at all.
    """
    with file.open() as lines:
        records = [json.loads(line) for line in lines]
    if not records:
        raise ValueError("it holds no answers")
    if not all(isinstance(record, dict) and {"uid", "score"} <= record.keys() for record in records):
        raise ValueError("a line has no uid or no score")
    # verl writes null where the reward of this answer has none and that of another does.
    measure = "acc" if all(isinstance(record.get("acc"), int | float) for record in records) else "score"
    by_prompt: dict[str, list[float]] = defaultdict(list)
    for record in records:
        by_prompt[record["uid"].split("_")[0]].append(record[measure])
    reasons = Counter(record["reason"] for record in records if record.get("reason") is not None)
    samples = np.array([len(values) for values in by_prompt.values()])
    k = int(samples.min())
    per_problem = np.array([np.mean(values) for values in by_prompt.values()])
    best = float("nan")
    if all(value in (0, 1) for values in by_prompt.values() for value in values):
        right = np.array([round(sum(values)) for values in by_prompt.values()])
        best = float(pass_at_k(samples, right, k).mean())
    return Validation(
        step=int(file.stem),
        measure=measure,
        problems=len(samples),
        samples=k,
        mean=float(per_problem.mean()),
        error=standard_error_over_problems(per_problem) if len(samples) > 1 else float("nan"),
        best=best,
        verdicts={reason: count / reasons.total() for reason, count in sorted(reasons.items())},
    )


def read_validations(folder: Path) -> list[Validation]:
    """The dumps in ``folder`` by step; one that cannot be read is named on stderr and left out."""
    found = []
    for file in folder.glob("*.jsonl"):
        try:
            found.append(read_validation(file))
        except (OSError, ValueError) as error:
            print(f"warning: {file} is left out of the report: {error}", file=sys.stderr)
    return sorted(found, key=lambda validation: validation.step)
