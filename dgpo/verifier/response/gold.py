"""Reads a ground truth, or says what is wrong with it."""

import re
from functools import lru_cache
from itertools import accumulate

from dgpo.verifier.answers.reading import Reading, read
from dgpo.verifier.expressions.tree import Several
from dgpo.verifier.response.extract import MAX_RESPONSE_CHARS, boxes_of_last_line
from dgpo.verifier.text.tokens import Token

_PUNCTUATION = frozenset(("sign", "relation", "join", "open", "close", "bar", "row", "cell", "money", "percent"))


def check_ground_truth(ground_truth: str) -> None:
    """Raise ValueError, which names the value and the fault, for a ground truth that no answer can be compared with.

    For data preparation.
    """
    fault = _read(ground_truth)
    if isinstance(fault, str):
        raise ValueError(f"ground truth {ground_truth!r:.80} {fault}; correct or drop this row of the data")


def read_gold(ground_truth: str) -> Reading | None:
    """The ground truth, or None where `check_ground_truth` would raise."""
    gold = _read(ground_truth)
    return None if isinstance(gold, str) else gold


@lru_cache(maxsize=4096)
def _read(ground_truth: str) -> Reading | str:
    """The ground truth, or what is wrong with it."""
    if len(ground_truth) > MAX_RESPONSE_CHARS:
        return f"has {len(ground_truth)} characters, over the limit of {MAX_RESPONSE_CHARS}"
    boxed = boxes_of_last_line(ground_truth)
    content = ", ".join(dict.fromkeys(boxed)) if boxed else ground_truth
    if not balanced(content):
        return "has braces that do not close"
    gold = read(content)
    if not gold.tokens:
        return "is empty"
    is_answer = any(map(_may_be_answer, gold.tokens)) or gold.tree == Several("{}", ())
    return gold if is_answer else "holds nothing that an answer could be"


def _may_be_answer(token: Token) -> bool:
    return token.kind not in _PUNCTUATION and (token.kind != "word" or any(map(str.isalnum, str(token.value))))


def balanced(text: str) -> bool:
    r"""Whether the braces of ``text`` (``\{`` aside) close in order."""
    steps = ({"{": 1, "}": -1}.get(brace, 0) for brace in re.findall(r"\\.|[{}]", text, re.DOTALL))
    depths = [*accumulate(steps, initial=0)]
    return min(depths) == depths[-1] == 0
