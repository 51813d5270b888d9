r"""The final answer of a response, the last balanced ``\boxed{}`` or ``\boxed 7``, in one pass over a bounded text;
and the ground truth that it is compared with.
"""

import re
from functools import lru_cache
from itertools import accumulate, pairwise

from dgpo.verifier.answers.reading import Reading, read
from dgpo.verifier.expressions.tree import Several
from dgpo.verifier.text.tokens import Token

MAX_RESPONSE_CHARS = 200_000
"""Only this much of the end of a response is read; a final answer is at the end."""

_THOUGHT = re.compile(r"<(/?)think(?:ing)? ?>", re.IGNORECASE)
_OR = re.compile(r"[\s$\\),\]]*(?:\\text ?\{ ?)?or\b[\s$\\(}\[]*")
_BESIDE = re.compile(r"[\s$\\),\].;*]{0,20}(?:(?:and|or)\b|\(?\w{1,3}[).:]|[A-Za-z](?:_\d)? ?=)?[\s$\\(}\[*]{0,20}")
"""What may stand between boxes of one answer on lines of their own: ``(2)``, ``y =``."""
_TOKEN = re.compile(r"\\{1,2}(?:boxed|fbox)(?:\s*\{|\s+(?P<bare>[-+]?[\w.,/]*\w))|\\.|[{}]", re.DOTALL)
_PUNCTUATION = frozenset(("sign", "relation", "join", "open", "close", "bar", "row", "cell", "money", "percent"))


def final_text(response: str) -> str:
    """The part of ``response`` that may hold the answer: after the last ``</think>`` and before an open ``<think>``."""
    start = max((mark.end() for mark in _THOUGHT.finditer(response) if mark[1]), default=0)
    opened = _THOUGHT.search(response, start)
    end = opened.start() if opened else len(response)
    return response[max(start, end - MAX_RESPONSE_CHARS) : end]


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Every balanced ``\boxed{...}`` or ``\fbox{...}`` of ``text`` as (start, end, content), by its end.

    One pass with a stack, so thousands of boxes that never close cost no more than one. An escaped brace
    (``\{``) does not count, a brace left open in the prose before a box does not hide it, and of two nested
    boxes the outer one alone is listed.
    """
    first = min((text.find(command) for command in ("\\boxed", "\\fbox") if command in text), default=None)
    if first is None:
        return []
    closed: list[tuple[int, int, str]] = []
    open_braces: list[tuple[int, int] | None] = []
    for token in _TOKEN.finditer(text, max(first - 1, 0)):
        symbol = token.group()
        if token["bare"] is not None:
            closed.append((token.start(), token.end(), token["bare"]))
        elif symbol == "{":
            open_braces.append(None)
        elif symbol == "}":
            if opened := open_braces.pop() if open_braces else None:
                start, content_start = opened
                while closed and closed[-1][0] > start:
                    closed.pop()
                closed.append((start, token.end(), text[content_start : token.start()]))
        elif symbol.endswith("{") and symbol != "\\{":
            open_braces.append((token.start(), token.end()))
    return closed


def boxes_of_last_line(text: str) -> list[str]:
    r"""The contents of all boxes on the line of the last: ``["2", "3"]`` of ``\boxed{2} and \boxed{3}``.

    Boxes with an ``or`` between them give one content, ``["2 or 3"]``.
    """
    found = boxes(text)
    if len(found) < 2:
        return [content for *_, content in found]
    line_start = text.rfind("\n", 0, found[-1][0]) + 1
    is_apart = [not _BESIDE.fullmatch(text, box[1], following[0]) for box, following in pairwise(found)]
    on_line = [box for box in found if box[0] >= line_start]
    first = max((index for index, apart in enumerate(is_apart, 1) if apart), default=0)
    found = on_line if len(on_line) > 1 else found[first:]
    contents = [content for *_, content in found]
    are_alternatives = any(_OR.fullmatch(text, box[1], following[0]) for box, following in pairwise(found))
    return [" or ".join(contents)] if are_alternatives else contents


def check_ground_truth(ground_truth: str) -> None:
    """Raise ValueError, which names the value and the fault, for a ground truth that no answer can be compared with.

    For data preparation.
    """
    if fault := gold_fault(ground_truth):
        raise ValueError(f"ground truth {ground_truth!r:.80} {fault}; correct or drop this row of the data")


def gold_fault(ground_truth: str) -> str:
    """Why no answer can be compared with a ground truth; "" where one can."""
    fault = _read(ground_truth)
    return fault if isinstance(fault, str) else ""


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
    content = ", ".join(dict.fromkeys(boxed)) if boxed else ground_truth.rpartition("####")[2]  # GSM8K's mark
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
