r"""The final answer of a response: the last balanced ``\boxed{}`` or ``\boxed 7``, in one pass over a bounded text."""

import re
from itertools import pairwise

MAX_RESPONSE_CHARS = 200_000
"""Only this much of the end of a response is read; a final answer is at the end."""

_THOUGHT = re.compile(r"<(/?)think(?:ing)? ?>", re.IGNORECASE)
_OR = re.compile(r"[\s$\\),]*(?:\\text ?\{ ?)?or\b[\s$\\(}]*")
_TOKEN = re.compile(r"\\{1,2}(?:boxed|fbox)(?:\s*\{|\s+(?P<bare>[-+]?[\w.,/]*\w))|\\.|[{}]", re.DOTALL)


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
    found = [box for box in found if box[0] >= line_start]
    contents = [content for *_, content in found]
    are_alternatives = any(_OR.fullmatch(text, box[1], following[0]) for box, following in pairwise(found))
    return [" or ".join(contents)] if are_alternatives else contents
