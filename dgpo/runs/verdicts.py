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
    "unparsed": "written in another way than the ground truth, and nothing that can be compared",
    "too_large": "past the limits on length and size",
    "timeout": "no decision in time",
    "bad_gold": "the ground truth cannot be read; correct the data",
}
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
    """The rows of the verifier's explanation of a response; none for what else than its rules decided.

    Args:
        said: what the reward function said of the response.
        mode: the verifier's; None where another reward function judged.
    """
    by_rules = said.get("stage") != "judge" and said.get("reason") != "echo"
    if mode is None or ground_truth is None or not by_rules or len(response) > LONGEST:
        return []
    try:
        return [list(row) for row in explain(response, ground_truth, mode=cast(Mode, mode)).rows]
    except (UserError, ValueError):
        return []
