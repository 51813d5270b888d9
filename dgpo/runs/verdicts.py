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
# Stages of the verifier that need no worker process.
CHEAP = ("extract", "string", "numeric", "structure", "value")
LONGEST = 20_000


def verdict_sentence(said: Mapping[str, Any], ground_truth: str | None) -> str:
    """What `rewards.verl.compute_score` said of a response, as one sentence; "" for another reward function's."""
    reason = said.get("reason")
    if not isinstance(reason, str) or reason not in REASONS:
        return ""
    read = f"read “{said['pred']}”, the ground truth is “{ground_truth}”" if said.get("pred") else ""
    stage = f"decided by the {said['stage']} stage" if said.get("stage") else ""
    verdict = "right" if reason == "match" else f"wrong: {REASONS[reason]}"
    return "; ".join(filter(None, (verdict, read, stage)))


def explanation_rows(
    said: Mapping[str, Any], response: str, ground_truth: str | None, mode: str | None
) -> list[list[str]]:
    """The rows of the verifier's explanation of a response; none where explaining it would need the symbolic stage.

    Args:
        said: what the reward function said of the response.
        mode: the verifier's; None where another reward function judged.
    """
    is_cheap = said.get("stage") in CHEAP and said.get("reason") != "echo" and len(response) <= LONGEST
    if mode is None or ground_truth is None or not is_cheap:
        return []
    try:
        return [list(row) for row in explain(response, ground_truth, mode=cast(Mode, mode)).rows]
    except (UserError, ValueError):
        return []
