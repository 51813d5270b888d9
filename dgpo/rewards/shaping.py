"""Terms that may be added to the reward of an answer. Pure functions and their options, all off by default."""

from dataclasses import dataclass
from typing import Literal

from dgpo.errors import bounded, check_fields

Scoring = Literal["binary", "signed"]


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """Options of the score, with `c` = 1 for a right answer and 0 for any other:

        score = base(c) + overlong_weight · R_length + format_weight · [the format is kept]

    Attributes:
        scoring: "binary": base is c. "signed": base is 2c − 1, as in DAPO (arXiv:2503.14476, eq. 7).
        overlong_buffer: Tokens before the longest response over which `overlong_penalty` falls from 0 to −1,
            DAPO's L_cache (4,096 of 20,480 there). 0 switches the term off.
        overlong_weight: Factor of that penalty; 1 in DAPO.
        format_weight: What a response that keeps `has_format` earns on top. 0 switches the term off.

    Raises:
        ValueError: a value out of its range, or a weight without its term.
    """

    scoring: Scoring = "binary"
    overlong_buffer: int = bounded(0, at_least=0, unit="tokens")
    overlong_weight: float = bounded(1.0, above=0)
    format_weight: float = bounded(0.0, at_least=0)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.overlong_weight != 1.0 and not self.overlong_buffer:
            raise ValueError(
                f"overlong_weight={self.overlong_weight!r} has no effect while overlong_buffer is 0: "
                "set overlong_buffer to a number of tokens, or remove overlong_weight"
            )


def overlong_penalty(tokens: int, longest: int, buffer: int) -> float:
    """DAPO's soft overlong punishment R_length, in [−1, 0] (arXiv:2503.14476, eq. 13).

    With L_max = ``longest`` and L_cache = ``buffer``, for a response y of |y| = ``tokens`` tokens:
    0 up to L_max − L_cache, then ((L_max − L_cache) − |y|) / L_cache, and −1 beyond L_max.
    """
    return -min(1.0, max(0.0, (tokens - (longest - buffer)) / buffer))


def has_format(response: str, *, answered: bool) -> bool:
    """Whether ``response`` is a thought in think tags and then, outside of them, an answer.

    One ``</think>`` with something before it; the opening tag stands first or not at all, because some chat
    templates (R1-Distill's) end the prompt with it. No tag stands anywhere else.

    Args:
        answered: Whether the verifier found an answer; it looks only behind the last ``</think>``.
    """
    thought, closing, answer = response.lstrip().removeprefix("<think>").partition("</think>")
    tags = [tag for tag in ("<think>", "</think>") if tag in thought or tag in answer]
    return answered and bool(closing) and bool(thought.strip()) and not tags
