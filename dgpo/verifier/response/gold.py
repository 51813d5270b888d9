"""Reads a ground truth, or says what is wrong with it."""

import re
from functools import lru_cache
from itertools import accumulate

from dgpo.verifier.answers.reading import Reading, read
from dgpo.verifier.expressions.tree import Several
from dgpo.verifier.response.extract import MAX_RESPONSE_CHARS, boxes_of_last_line

_PUNCTUATION = frozenset(("sign", "relation", "join", "open", "close", "bar", "row", "cell", "money", "percent"))


def check_ground_truth(ground_truth: str) -> None:
    """Raise ValueError, which names the value and the fault, for a ground truth that no answer can be compared with.

    For data preparation.
    """
    fault = _fault(ground_truth)
    if fault:
        raise ValueError(f"ground truth {ground_truth!r:.80} {fault}; correct or drop this row of the data")


@lru_cache(maxsize=4096)
def read_gold(ground_truth: str) -> Reading | None:
    """The ground truth, or None where `check_ground_truth` would raise."""
    return None if _fault(ground_truth) else read(_content(ground_truth))


def _content(ground_truth: str) -> str:
    """The contents of the boxes on the last line, as a list; the text itself where there is no box."""
    boxed = boxes_of_last_line(ground_truth)
    return ", ".join(dict.fromkeys(boxed)) if boxed else ground_truth


def _fault(ground_truth: str) -> str:
    """What is wrong with a ground truth, '' for nothing."""
    if len(ground_truth) > MAX_RESPONSE_CHARS:
        return f"has {len(ground_truth)} characters, over the limit of {MAX_RESPONSE_CHARS}"
    content = _content(ground_truth)
    if not balanced(content):
        return "has braces that do not close"
    tokens = read(content).tokens
    if not tokens:
        return "is empty"
    texts = [str(token.value) if token.kind == "word" else "1" for token in tokens if token.kind not in _PUNCTUATION]
    is_answer = any(map(str.isalnum, "".join(texts))) or read(content).tree == Several("{}", ())
    return "" if is_answer else "holds nothing that an answer could be"


def balanced(text: str) -> bool:
    r"""Whether the braces of ``text`` (``\{`` aside) close in order."""
    steps = ({"{": 1, "}": -1}.get(brace, 0) for brace in re.findall(r"\\.|[{}]", text, re.DOTALL))
    depths = [*accumulate(steps, initial=0)]
    return min(depths) == depths[-1] == 0
