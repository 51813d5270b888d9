"""What a verification says: right or not, why, and which stage decided."""

from dataclasses import dataclass
from typing import Literal, get_args

Reason = Literal["match", "mismatch", "no_answer", "hedge", "echo", "too_large", "unparsed", "timeout", "bad_gold"]
Stage = Literal["extract", "string", "numeric", "structure", "value", "judge"]

VERSION = "20"
"""The version of the rules: changed with any verdict. Run folders and scores record it."""
REASONS: tuple[str, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one response. Truthy exactly when the answer is right.

    Attributes:
        reason: ``match`` is the only right one. ``mismatch``: compared and different. ``no_answer``: nothing
            that the mode takes for an answer (no balanced box). ``hedge``: several answers offered at once
            (``37 or 38``). ``echo``: an expression of the problem itself, which asks for its value.
            ``too_large``: longer than any answer, or a number past the bounds. ``unparsed``: answer and ground
            truth are written differently, and the rules cannot compare them. ``timeout``: no decision in time.
            ``bad_gold``: the ground truth is empty or unbalanced, which is an error in the data and never earns a
            reward.
        stage: The stage that decided; ``judge`` is no rule but the model of `dgpo.rewards.judge`, where it is on.
        answer: The text that was compared (the content of the box), or None where there was none.
        seconds: Wall-clock time of the call.
    """

    reason: Reason
    stage: Stage
    answer: str | None = None
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return self.reason == "match"
