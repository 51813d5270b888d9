"""Why an answer was right or wrong, in words."""

from collections.abc import Mapping
from typing import Any, cast

from dgpo.errors import UserError
from dgpo.verifier.explain import explain
from dgpo.verifier.stages import Mode

REASONS = {
    "match": "right",
    "mismatch": "compared, and different",
    "no_answer": "no answer found; often a response that was cut off",
    "hedge": "several answers at once",
    "echo": "an expression of the problem, handed back",
    "unparsed": "not mathematics that can be read",
    "too_large": "past the limits on length, digits and powers",
    "timeout": "no decision in time; many: more reward workers, or a longer timeout",
    "crash": "the checking process died on it, or could not start",
    "bad_gold": "the ground truth cannot be read; correct the data",
}
# Those of the verifier that need no process of their own.
CHEAP = ("extract", "string", "numeric", "structure", "value")
LONGEST = 20_000


def words(said: Mapping[str, Any], ground_truth: str | None) -> str:
    """One sentence of what `rewards.verl.compute_score` said of a response; empty for another reward function's."""
    reason = said.get("reason")
    if not isinstance(reason, str) or reason not in REASONS:
        return ""
    read = f"read “{said['pred']}”, the ground truth is “{ground_truth}”" if said.get("pred") else ""
    stage = f"decided by the {said['stage']} stage" if said.get("stage") else ""
    verdict = "right" if reason == "match" else f"wrong: {REASONS[reason]}"
    return "; ".join(filter(None, (verdict, read, stage)))


def judged(said: Mapping[str, Any], response: str, ground_truth: str | None, mode: str | None) -> list[list[str]]:
    """The rows of the verifier's explanation; none where a process of its own would have to work on it again.

    Args:
        mode: the verifier's; None where it was not what judged.
    """
    if mode is None or ground_truth is None or said.get("stage") not in CHEAP or said.get("reason") == "echo":
        return []
    if len(response) > LONGEST:
        return []
    try:
        return [list(row) for row in explain(response, ground_truth, mode=cast(Mode, mode)).rows]
    except (UserError, ValueError):
        return []
