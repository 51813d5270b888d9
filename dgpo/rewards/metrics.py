"""The metrics under ``reward/``, from the verdicts of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from dgpo.errors import UserError
from dgpo.rewards.judge import ASKED, Outcome
from dgpo.verifier.verdict import REASONS, Stage

MOST_FAILED = 0.5
"""Share of a batch on which the reward function may fail and training goes on."""
REQUIRED = ("acc", "reason", "stage", "seconds")


def reward_metrics(samples: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Metrics of what `rewards.verl.compute_score` returned for each sample of a batch.

    A share is of all samples, in [0, 1]; the shares of the reasons add up to 1, and so do those of the stages.

    ``reward/accuracy``: share of right answers, without the shaping. ``reward/reason/NAME``,
    ``reward/stage/NAME``: share of each. ``reward/seconds/p50``, ``p99`` and ``max``: until the verdict was there.
    ``reward/truncated``: share cut off at the longest length. ``reward/overlong/mean`` (R_length) and
    ``reward/format/share`` where the term is on. ``reward/judge/asked`` and ``reward/judge/OUTCOME``: counts, where
    there is a judge. ``reward/errors``: share on which the reward function failed.

    Returns:
        Only the errors if a sample lacks one of `REQUIRED`, because it comes from another reward function.

    Raises:
        UserError: the reward function failed on more than `MOST_FAILED` of the samples.
    """
    if not samples:
        return {}
    failed = [sample["error"] for sample in samples if "error" in sample]
    if len(failed) > MOST_FAILED * len(samples):
        raise UserError(
            f"reward.custom_reward_function: it failed on {len(failed)} of {len(samples)} answers of a batch, first "
            f"with {failed[0]}; mend it and go on from the last checkpoint"
        )
    errors = {"reward/errors": len(failed) / len(samples)}
    if any(key not in sample for sample in samples for key in REQUIRED):
        return errors

    def column(key: str) -> np.ndarray:
        return np.array([float(sample[key]) for sample in samples])

    reasons, stages = [[sample[key] for sample in samples] for key in ("reason", "stage")]
    seconds = column("seconds")
    metrics = {
        **errors,
        "reward/accuracy": column("acc").mean(),
        **{f"reward/reason/{name}": reasons.count(name) / len(samples) for name in REASONS},
        **{f"reward/stage/{name}": stages.count(name) / len(samples) for name in get_args(Stage)},
        "reward/seconds/p50": np.quantile(seconds, 0.5),
        "reward/seconds/p99": np.quantile(seconds, 0.99),
        "reward/seconds/max": seconds.max(),
    }
    for key, name in (("truncated", "truncated"), ("overlong", "overlong/mean"), ("format", "format/share")):
        if key in samples[0]:
            metrics[f"reward/{name}"] = column(key).mean()
    if "judge" in samples[0]:
        outcomes = [sample["judge"] for sample in samples]
        metrics |= {f"reward/judge/{name}": outcomes.count(name) for name in get_args(Outcome) if name != "not_asked"}
        metrics["reward/judge/asked"] = sum(map(outcomes.count, ASKED))
    return {key: float(value) for key, value in metrics.items()}
