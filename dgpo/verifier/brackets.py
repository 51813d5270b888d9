"""Text cut where no bracket is open."""

import re

_BRACKET = re.compile(r"\\?[({\[)}\]]|\\(?:begin|end)(?![A-Za-z])")
_OPEN = frozenset(("(", "[", "{", r"\{", r"\(", r"\[", r"\begin"))
_SHELLS = ((r"\{", r"\}"), ("(", ")"), ("[", "]"), ("(", "]"), ("[", ")"))


def split_outside(text: str, separator: re.Pattern[str]) -> list[str]:
    """``text`` cut at the matches of ``separator`` outside brackets and environments."""
    cuts = [found.span() for found in separator.finditer(text)]
    if not cuts:
        return [text.strip()]
    items, start, seen, depth = [], 0, 0, 0
    for first, end in cuts:
        for bracket in _BRACKET.finditer(text, seen, first):
            depth += 1 if bracket.group() in _OPEN else -1
        seen = first
        if depth == 0:
            items.append(text[start:first].strip())
            start = end
    return [*items, text[start:].strip()]


_COMMA = re.compile(",")


def split_list(text: str) -> list[str]:
    """``text`` cut at the commas outside brackets and environments."""
    return split_outside(text, _COMMA)


def shell(text: str) -> tuple[str, str]:
    r"""The outer brackets of ``text`` ("{}", "()", "[)", ... or "" for none) and what they hold."""
    for left, right in _SHELLS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            inner = text[len(left) : -len(right)]
            if _closes_only_at_end(inner):
                return left[-1] + right[-1], inner.strip()
    return "", text


def _closes_only_at_end(inner: str) -> bool:
    depth = 0
    for bracket in _BRACKET.finditer(inner):
        depth += 1 if bracket.group() in _OPEN else -1
        if depth < 0:
            return False
    return True
