r"""Answers with parts: lists, sets, tuples, chains of equations; those made of numbers are compared here.

A bare comma list and a set are unordered, a bracketed tuple is ordered, a set is never a tuple.
"""

import re

from dgpo.rewards.normalise import plain
from dgpo.rewards.numeric import Quantity, equal, parse_number

_HEDGE = re.compile(r"(?<![A-Za-z\\])(?:or|either|maybe|perhaps|possibly)(?![A-Za-z])|\\(?:lor|vee)(?![A-Za-z])", re.I)
_MANY = re.compile(r"(?<![A-Za-z\\])(?:or|and)(?![A-Za-z])|\\(?:lor|vee|pm|mp|cup)(?![A-Za-z])|;|^\\\{", re.I)
_EQUALS = re.compile(r"(?<![<>!:=\\])=(?!=)")
_NAME = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?(?:\(\w\))?")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPEN = frozenset(("(", "[", "{", r"\{", r"\begin"))
_CLOSE = frozenset((")", "]", "}", r"\}", r"\end"))
UNORDERED = frozenset(("", "{}"))
"""The outer brackets (`shell`) of answers whose order does not count."""
_SHELLS = ((r"\{", r"\}"), ("(", ")"), ("[", "]"), ("(", "]"), ("[", ")"))


def split_list(text: str) -> list[str]:
    """``text`` cut at the commas outside brackets and environments."""
    items, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        symbol = token.group()
        depth += (symbol in _OPEN) - (symbol in _CLOSE)
        if symbol == "," and depth == 0:
            items.append(text[start : token.start()].strip())
            start = token.end()
    return [*items, text[start:].strip()]


def has_many_values(gold: str) -> bool:
    r"""Whether a gold answer asks for several values: a list, a tuple, a set, ``\pm``, ``or``."""
    return bool(_MANY.search(plain(gold))) or (parse_number(gold) is None and len(split_list(shell(gold)[1])) > 1)


def is_hedge(answer: str, gold_has_many: bool) -> bool:
    """Whether ``answer`` offers alternatives (``37 or 38``, ``37, 38``) where the gold asks for one value."""
    if gold_has_many:
        return False
    return bool(_HEDGE.search(plain(answer))) or (parse_number(answer) is None and len(split_list(answer)) > 1)


def equation_values(answer: str, gold: str) -> list[str]:
    r"""The sides of ``answer`` that must each equal ``gold``.

    ``x = 5`` answers a gold of ``5`` by its last side; ``3 \cdot 4 = 12`` claims the same of a side without
    variables, so both must be right and ``38 = 37`` is not. Where the gold is an equation itself, or the
    answer is none, the answer stands whole.
    """
    sides = [side.strip() for side in _EQUALS.split(answer)]
    if len(sides) == 1 or _EQUALS.search(gold) or "<" in answer or ">" in answer:
        return [answer]
    if len(sides) == 2 and _NAME.fullmatch(sides[1]):
        sides.reverse()
    return [side for side in sides[:-1] if not _has_variable(side)] + [sides[-1]]


def gold_value(gold: str) -> str:
    """``5`` of a gold ``x = 5``; any other gold unchanged."""
    sides = [side.strip() for side in _EQUALS.split(gold)]
    if len(sides) == 2 and _NAME.fullmatch(sides[1]):
        sides.reverse()
    return sides[1] if len(sides) == 2 and _NAME.fullmatch(sides[0]) else gold


def shell(text: str) -> tuple[str, str]:
    r"""The outer brackets of ``text`` ("{}", "()", "[)", ... or "" for none) and what they hold."""
    for left, right in _SHELLS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            inner = text[len(left) : -len(right)]
            if _closes_only_at_end(inner):
                return left[-1] + right[-1], inner.strip()
    return "", text


def compare_lists(gold: str, answer: str) -> bool | None:
    """Whether two lists of numbers are the same; None where that needs algebra or a closer look."""
    (gold_shell, gold_inner), (answer_shell, answer_inner) = shell(gold), shell(answer)
    shells = {gold_shell, answer_shell}
    if "{}" in shells and not shells <= UNORDERED:
        return False
    gold_items, answer_items = split_list(gold_inner), split_list(answer_inner)
    if len(gold_items) < 2 or len(answer_items) < 2:
        return None
    gold_numbers = [number for item in gold_items if (number := parse_number(item))]
    answer_numbers = [number for item in answer_items if (number := parse_number(item))]
    if len(gold_numbers) < len(gold_items) or len(answer_numbers) < len(answer_items):
        return None
    if len(shells) > 1 and not shells <= UNORDERED:
        return None
    if len(gold_numbers) != len(answer_numbers):
        return False
    if shells <= UNORDERED:
        return _same_bag(gold_numbers, answer_numbers)
    return all(map(equal, gold_numbers, answer_numbers))


def _same_bag(gold: list[Quantity], answer: list[Quantity]) -> bool:
    left = list(answer)
    for wanted in gold:
        found = next((index for index, number in enumerate(left) if equal(wanted, number)), None)
        if found is None:
            return False
        del left[found]
    return True


def _has_variable(side: str) -> bool:
    return bool(re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", side)))


def _closes_only_at_end(inner: str) -> bool:
    depth = 0
    for token in _TOKEN.finditer(inner):
        symbol = token.group()
        depth += (symbol in _OPEN) - (symbol in _CLOSE)
        if depth < 0:
            return False
    return True
