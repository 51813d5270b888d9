"""How a run's responses were judged: the share of each verdict, in training and on held-out problems."""

from typing import get_args

import numpy as np

from dgpo.runs.figures import RunReport
from dgpo.verifier.verdict import Stage

HEADER = ("share of responses", "training, first step", "last step", "held out, first", "last", "")
REASONS = {
    "match": "right",
    "mismatch": "compared, and different",
    "no_answer": "no answer found; often a response that was cut off",
    "hedge": "several answers at once",
    "unparsed": "not mathematics that can be read",
    "too_large": "past the limits on length, digits and powers",
    "timeout": "no decision in time; many: more reward workers, or a longer timeout",
    "crash": "the checking process died on it, or could not start",
    "bad_gold": "the ground truth cannot be read; correct the data",
}


def verdict_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Rows under ``HEADER``: reasons that occurred, then the stage that decided; none for another reward."""
    training = list(report.training().values())
    ends = [training[0], training[-1]] if training else [{}, {}]
    checks = [validation.verdicts for validation in report.validations]
    checks = [checks[0] if len(checks) > 1 else {}, checks[-1] if checks else {}]
    table = []
    for reason, note in REASONS.items():
        shares = [end.get(f"reward/reason/{reason}") for end in ends]
        shares += [check.get(reason, 0.0) if check else None for check in checks]
        if any(shares):
            table.append((reason, *map(_percent, shares), note))
    for stage in get_args(Stage):
        shares = [end.get(f"reward/stage/{stage}") for end in ends]
        if any(shares):
            table.append((f"decided by {stage}", *map(_percent, shares), "", "", ""))
    return table


def verdict_line(report: RunReport) -> str | None:
    """What the verifier cost, in a sentence; None where the run did not log it."""
    training = [metrics for metrics in report.training().values() if "reward/seconds/p99" in metrics]
    if not training:
        return None
    middle, slow = (1000 * np.median([metrics[f"reward/seconds/{q}"] for metrics in training]) for q in ("p50", "p99"))
    restarts = sum(metrics["reward/worker_restarts"] for metrics in training)
    hits = np.mean([metrics["reward/cache_hits"] for metrics in training])
    return (
        f"A verdict took {middle:.1f} ms (p50) and {slow:.1f} ms (p99), medians over {len(training)} steps; "
        f"{hits:.1%} were remembered; worker processes were replaced {restarts:.0f} times."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
