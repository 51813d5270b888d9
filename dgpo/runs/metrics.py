"""What a run has measured: its metrics by step over all launches, the scores in them, and its validations."""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dgpo.errors import UserError, loading
from dgpo.evaluation.statistics import pass_at_k, standard_error_over_problems
from dgpo.files import json_lines
from dgpo.runs.folder import RunFolder

# verl's mean of one data source: val-core/aime24/acc/mean@16, and of its reward, in val-aux where there is an acc.
SCORE = re.compile(r"val-(?:core|aux)/(?P<source>.+)/(?P<measure>acc|reward)/mean@\d+")


def read_metrics(file: Path, offset: int = 0) -> Iterator[tuple[int, dict[str, Any], int]]:
    """(step, metrics, offset behind the line) for each whole line of ``file`` from ``offset`` on.

    A line still being written, or cut off when its writer was killed, is left for later.

    Raises:
        UserError: a line is something else.
    """
    with file.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            try:
                record = json.loads(line)
                # What is null, as NaN may have become, or a word is no figure.
                data = {key: value for key, value in record["data"].items() if isinstance(value, int | float)}
                step = record["step"]
                if type(step) is not int or step < 0:
                    raise TypeError(step)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError(
                    f"{file}: {line[:80]!r} is no step of a run; is it a metrics file? drop the line"
                ) from error
            yield step, data, offset


def history(folder: RunFolder) -> dict[int, dict[str, Any]]:
    """Metrics by step over all launches. A launch takes the place of the steps from its first trained one on."""
    steps: dict[int, dict[str, Any]] = {}
    for file in folder.metrics_files():
        launch: dict[int, dict[str, Any]] = {}
        for step, data, _ in read_metrics(file):
            launch.setdefault(step, {}).update(data)
        first = min(filter(lambda step: _is_trained(launch[step]), launch), default=None)
        # A resumed launch validates at the step that it goes on from, and logs nothing else there.
        kept = {step: data for step, data in steps.items() if first is None or step < first}
        steps = kept | {step: data for step, data in launch.items() if not _is_trained(kept.get(step, {}))}
    return dict(sorted(steps.items()))


def _is_trained(metrics: Mapping[str, Any]) -> bool:
    return any(key.startswith("actor/") for key in metrics)


def steps_of(run: Path) -> dict[int, dict[str, Any]]:
    """`history` of a run folder; UserError where it has none."""
    steps = history(RunFolder(run))
    if not steps:
        raise UserError(f"{run}: there are no metrics/*.jsonl with a step in them; is it a run folder?")
    return steps


def config_of(run: Path) -> dict[str, Any]:
    """The resolved config of a run folder's last launch; UserError where there is none that can be read."""
    file = RunFolder(run).config
    with loading("config", str(file), f"is {run} a run folder?"):
        config = yaml.safe_load(file.read_text())
    if not isinstance(config, dict) or "actor_rollout_ref" not in config:
        raise UserError(f"{file} is no config of a training; is {run} a run folder?")
    return config


def training_steps(steps: Mapping[int, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """The metrics of the steps that trained: step 0 is the validation before."""
    return {step: metrics for step, metrics in steps.items() if "actor/grad_norm" in metrics}


def validation_measure(metrics: Mapping[str, Any]) -> tuple[str, float] | None:
    """The measure of a validation and its mean over data sources; None for a step that was not validated.

    ``acc``, in [0, 1], or ``score`` where the reward function gives no ``acc`` for one of the sources.
    """
    scores: dict[str, dict[str, float]] = {"acc": {}, "reward": {}}
    for key, value in metrics.items():
        if match := SCORE.fullmatch(key):
            scores[match["measure"]][match["source"]] = value
    accuracies, rewards = scores["acc"], scores["reward"]
    name, chosen = ("acc", accuracies) if rewards.keys() <= accuracies.keys() else ("score", rewards)
    return (name, sum(chosen.values()) / len(chosen)) if chosen else None


def validation_score(metrics: Mapping[str, Any]) -> float | None:
    """The mean of `validation_measure`; None for a step that was not validated."""
    measure = validation_measure(metrics)
    return measure[1] if measure else None


def boundary_share(metrics: Mapping[str, Any]) -> float | None:
    """Share of response tokens on the left and right boundary (LN + HP)."""
    left, right = (metrics.get(f"actor/region/{region}/share") for region in ("ln", "hp"))
    return None if left is None or right is None else left + right


DERIVED = {"validation": validation_score, "boundary": boundary_share}


def measured(metrics: Mapping[str, Any], key: str) -> float | None:
    """A figure of a step by its name in the metrics, or in `DERIVED`; None for a step without it."""
    return DERIVED[key](metrics) if key in DERIVED else metrics.get(key)


def points(steps: Mapping[int, Mapping[str, Any]], key: str) -> dict[int, float]:
    """A figure, as `measured` takes it, of the steps that have it."""
    return {step: value for step, metrics in steps.items() if (value := measured(metrics, key)) is not None}


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
    """The validation in a dump of verl's, which has a line for each answer; its ``uid`` begins with its prompt's.
    ValueError where it holds no answers, or is cut off, or no dump at all."""
    bad: list[UserError] = []
    records = [record for _, record in json_lines(file, on_bad=bad.append)]
    if bad:
        raise ValueError(str(bad[0]))
    if not records:
        raise ValueError("it holds no answers")
    if not all(isinstance(each.get("uid"), str) and isinstance(each.get("score"), int | float) for each in records):
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


def read_validations(folder: RunFolder) -> list[Validation]:
    """The validations of a run by step; a dump that cannot be read is named on stderr and left out."""
    validations = []
    for file in folder.validation_files():
        try:
            validations.append(read_validation(file))
        except ValueError as error:
            print(f"warning: {file} is left out of the report: {error}", file=sys.stderr)
    return validations
