r"""Intervals, unions and inequalities in one form: ``x \le 3`` and ``(-\infty, 3]`` are the same set of numbers."""

import math
import re
from dataclasses import dataclass
from typing import Any

from dgpo.verifier.evaluation import value_at
from dgpo.verifier.expressions import CONSTANTS, leaves, parse
from dgpo.verifier.structure import NAME, both_signs, items, shell, split_list, split_outside

_UNION = re.compile(r"\\(?:cup|lor|vee)(?![A-Za-z])|(?<![A-Za-z\\])or(?![A-Za-z])|\\text ?\{ ?or ?\}", re.I)
_BOTH = re.compile(r"(?:,? ?(?<![A-Za-z\\])and(?![A-Za-z])|\\(?:land|wedge|text ?\{ ?and ?\})) ?", re.I)
_RELATION = re.compile(r"\\(?:le|ge|ne)(?![A-Za-z])|[<>]")
_IN = re.compile(rf"(?:({NAME.pattern}) ?)\\in(?![A-Za-z]) ?")
_BUILDER = re.compile(
    r"(?P<name>[A-Za-z])(?: ?\\in ?\\mathbb ?\{ ?R ?\})? ?(?:\||:|\\mid(?![A-Za-z])) ?(?P<condition>.+)", re.DOTALL
)
_REAL = re.compile(r"\\mathbb ?\{ ?R ?\}|\\mathbf ?\{ ?R ?\}|\\text ?\{ ?all real numbers ?\}|all real numbers")
_TELLS = re.compile(r"\\(?:le|ge|ne|cup|in|infty)(?![A-Za-z])|[<>]|\[[^\[\]()]*\)|\([^\[\]()]*\]|\\mathbb ?\{ ?R")
_POSITIVE = re.compile(r"\\mathbb ?\{ ?R ?\} ?\^ ?\{? ?(?P<sign>[+-]) ?\}?")
_HOLE = re.compile(rf"(?P<name>{NAME.pattern}) ?\\ne ?(?P<value>[^<>=,]+)")
_CONDITIONS = re.compile(rf",|{_BOTH.pattern}", re.I)
_MODULUS = re.compile(r"\| ?(?P<name>[a-z]) ?(?:(?P<sign>[+-]) ?(?P<shift>[^|]+))?\|")
_MIRROR = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", r"\ne": r"\ne"}


@dataclass(frozen=True, slots=True)
class Interval:
    """One piece: its brackets ("[)" is closed on the left alone) and its ends as text."""

    brackets: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.brackets[0]}{self.left}, {self.right}{self.brackets[1]}"


def is_interval(text: str) -> bool:
    r"""Whether ``text`` can only be a set of real numbers; ``(1, 2)`` alone may be a point."""
    return bool(_TELLS.search(text))


def pieces(text: str) -> tuple[str, list[Interval]] | None:
    """The variable ('' for none) and the intervals whose union ``text`` is, or None if it is nothing of that."""
    variable = ""
    if (brackets := shell(text))[0] == "{}" and (builder := _BUILDER.fullmatch(brackets[1])):
        variable, text = builder["name"], builder["condition"]
    text, name, holes = _without_holes(text)
    variable = variable or name
    found: list[Interval] = []
    for part in split_outside(text, _UNION):
        piece = _piece(part.strip())
        if piece is None or (piece[0] and variable and piece[0] != variable):
            return None
        variable = variable or piece[0]
        found += piece[1]
    for hole in holes:
        found = [rest for piece in found for rest in _cut(piece, hole, len(found) == len(holes) == 1)]
    return (variable, found) if found else None


def _without_holes(text: str) -> tuple[str, str, list[str]]:
    r"""``0 < x < 2``, ``x`` and ``1`` of ``0 < x < 2, x \ne 1``, and the like of ``\mathbb{R} \setminus \{1\}``."""
    if "\\ne" not in text and "\\setminus" not in text:
        return text, "", []
    whole, _, taken_out = text.partition("\\setminus")
    if taken_out:
        brackets, inner = shell(taken_out.strip())
        return (whole.strip(), "", items(inner)) if brackets == "{}" else (text, "", [])
    conditions = split_outside(text, _CONDITIONS)
    found = [hole for hole in map(_HOLE.fullmatch, conditions) if hole]
    names = {hole["name"] for hole in found}
    holes = [value for hole in found for value in both_signs(hole["value"].strip())]
    if len(names) != 1 or len(holes) == len(conditions) == 1:
        return text, "", []
    rest = ", ".join(condition for condition in conditions if not _HOLE.fullmatch(condition))
    return rest.replace(", ", " and ") or r"\mathbb{R}", names.pop(), holes


def _cut(piece: Interval, hole: str, is_inside: bool) -> list[Interval]:
    """``piece`` without the point ``hole``, which ``is_inside`` if that cannot be computed."""
    low, at, high = map(_number, (piece.left, hole, piece.right))
    left, right = piece.brackets
    if at is None or low is None or high is None:
        outside = not is_inside
    else:
        if at in (low, high):
            return [Interval(("(" if at == low else left) + (")" if at == high else right), piece.left, piece.right)]
        outside = not low < at < high
    if outside:
        return [piece]
    return [Interval(f"{left})", piece.left, hole), Interval(f"({right}", hole, piece.right)]


def _number(end: str) -> Any:
    if end.strip("+- ") == r"\infty":
        return -math.inf if end.startswith("-") else math.inf
    node = parse(end)
    if node is None or any(isinstance(leaf, str) and leaf not in CONSTANTS for leaf in leaves(node)):
        return None
    value = value_at(node, {})
    return value[0].real if value else None


def _piece(text: str) -> tuple[str, list[Interval]] | None:
    variable = ""
    if member := _IN.match(text):
        variable, text = member[1], text[member.end() :]
    if _REAL.fullmatch(text):
        return variable, [Interval("()", r"-\infty", r"\infty")]
    if half := _POSITIVE.fullmatch(text):
        return variable, [Interval("()", *(("0", r"\infty") if half["sign"] == "+" else (r"-\infty", "0")))]
    brackets, inner = shell(text)
    ends = split_list(inner)
    if brackets == "{}":
        return variable, [Interval("[]", end, end) for end in ends]
    if brackets:
        return (variable, [Interval(brackets, *ends)]) if len(ends) == 2 else None
    if variable:
        return None
    conditions = split_outside(text, _BOTH)
    return _inequality(text) if len(conditions) == 1 else _between(conditions)


def _between(conditions: list[str]) -> tuple[str, list[Interval]] | None:
    """``x > 1`` and ``x < 3`` as one interval."""
    found = [inequality for condition in conditions if (inequality := _inequality(condition))]
    if len(found) != 2 or len(conditions) != 2 or found[0][0] != found[1][0]:
        return None
    halves = sorted((half for _, pieces in found for half in pieces), key=lambda half: half.left == r"-\infty")
    if len(halves) != 2 or halves[0].right != r"\infty" or halves[1].left != r"-\infty":
        return None
    return found[0][0], [Interval(halves[0].brackets[0] + halves[1].brackets[1], halves[0].left, halves[1].right)]


def _inequality(text: str) -> tuple[str, list[Interval]] | None:
    sides = split_outside(text, _RELATION)
    relations = [found.group() for found in _RELATION.finditer(text)]
    if len(relations) != len(sides) - 1 or not all(sides):
        return None
    if len(sides) == 2:
        left, relation, right = sides[0], relations[0], sides[1]
        if not NAME.fullmatch(left) and not _MODULUS.fullmatch(left):
            left, relation, right = right, _MIRROR[relation], left
        if modulus := _MODULUS.fullmatch(left):
            return _distance(modulus, relation, right)
        return (left, _half_line(relation, right)) if NAME.fullmatch(left) else None
    if len(sides) != 3 or not NAME.fullmatch(sides[1]) or r"\ne" in relations:
        return None
    low, high = sides[0], sides[2]
    if all(relation in (">", r"\ge") for relation in relations):
        low, high, relations = high, low, [_MIRROR[relation] for relation in reversed(relations)]
    if not all(relation in ("<", r"\le") for relation in relations):
        return None
    brackets = ("(" if relations[0] == "<" else "[") + (")" if relations[1] == "<" else "]")
    return sides[1], [Interval(brackets, low, high)]


def _distance(modulus: re.Match[str], relation: str, end: str) -> tuple[str, list[Interval]] | None:
    """``|x - 2| < 3`` is between ``2 - 3`` and ``2 + 3``; with the sign the other way, outside."""
    centre = f"{'-' if modulus['sign'] == '+' else ''}({modulus['shift']})" if modulus["shift"] else ""
    low, high = f"{centre}-({end})", f"{centre}+({end})" if centre else end
    if relation in ("<", r"\le"):
        return modulus["name"], [Interval("()" if relation == "<" else "[]", low, high)]
    if relation in (">", r"\ge"):
        below, above = _half_line(_MIRROR[relation], low), _half_line(relation, high)
        return modulus["name"], below + above
    return None


def _half_line(relation: str, end: str) -> list[Interval]:
    below = Interval("(]" if relation == r"\le" else "()", r"-\infty", end)
    above = Interval("[)" if relation == r"\ge" else "()", end, r"\infty")
    return {"<": [below], r"\le": [below], ">": [above], r"\ge": [above], r"\ne": [below, above]}[relation]
