r"""Reads intervals, unions and inequalities as one kind: ``x \le 3`` and ``(-\infty, 3]`` are the same set."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

from dgpo.verifier.answers.naming import Name, read_name
from dgpo.verifier.expressions.quantities import read_value
from dgpo.verifier.expressions.tree import ABOVE, BELOW, Answer, Equation, Piece, Region, Several, Value
from dgpo.verifier.expressions.values import real_value
from dgpo.verifier.text.splitting import shell, split, with_both_signs
from dgpo.verifier.text.tokens import CLOSE, MINUS, OPEN, PLUS, Tokens, has

Read = Callable[[Tokens], Answer]
MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
REALS = (Piece("()", BELOW, ABOVE),)
REAL, WHOLE = Region("", REALS, kind="R"), Region("", REALS, kind="Z")
MAX_LISTED, MAX_MERGED = 100, 32
"""The most whole numbers that a list may have in the place of a region, and the most pieces."""


def as_region(answer: Several) -> Region | None:
    """A pair in brackets as an interval, and a list of such as their union."""
    if answer.brackets == "":
        parts = [as_region(item) for item in answer.items if isinstance(item, Several)]
        pieces = tuple(piece for part in parts if part for piece in part.pieces)
        return Region("", pieces) if 1 < len(pieces) == len(answer.items) else None
    ends = [item for item in answer.items if isinstance(item, Value)]
    is_pair = len(ends) == len(answer.items) == 2 and answer.brackets != "{}" and _order(*ends) != 1
    return Region("", (Piece(answer.brackets, *ends),)) if is_pair else None


def among(answer: Answer | None, numbers: Region | None) -> Region | None:
    """The numbers of a region that are in another too; None where none is, it is not known, or one is no region."""
    if not isinstance(answer, Region) or not numbers:
        return None
    pieces = _common(answer.pieces, numbers.pieces)
    return replace(answer, pieces=tuple(pieces), kind=answer.kind or numbers.kind) if pieces else None


def excludes(numbers: Region, value: Answer) -> bool:
    """Whether ``value`` is known to be outside: ``n = 3 and n >= 5`` are two answers."""
    return isinstance(value, Value) and _common(numbers.pieces, _points([value])) == []


def of_numbers(letter: str, sign: str) -> Region:
    r"""The region of ``\mathbb{R}``, ``\mathbb{Q}^+`` or ``\mathbb{N}``, which are the positive integers."""
    if letter == "N":
        letter, sign = "Z", ">" if sign in ("", "!=") else sign
    return Region("", _half_line(sign, Value(Fraction(0), ())) if sign else REALS, kind=letter)


def whole_ends(region: Region) -> list[tuple[Any, Any]]:
    """The first and the last whole number of each piece, or infinity; none where these are not known."""
    ends: list[tuple[Any, Any]] = []
    for piece in region.pieces:
        low, high = real_value(piece.low.node), real_value(piece.high.node)
        if low is None or high is None:
            return []
        low = low if low == -math.inf else math.floor(low) + 1 if piece.brackets[0] == "(" else math.ceil(low)
        high = high if high == math.inf else math.ceil(high) - 1 if piece.brackets[1] == ")" else math.floor(high)
        ends += [(low, high)] if low <= high else []
    return ends


def listed(region: Region) -> Several | None:
    """The set of the whole numbers in a region; None where they are too many, or not known."""
    ends = whole_ends(region)
    if not 0 < sum(high - low + 1 for low, high in ends) <= MAX_LISTED:
        return None
    return Several("{}", tuple(Value(Fraction(number), ()) for low, high in ends for number in range(low, high + 1)))


def read_union(tokens: Tokens, read: Read) -> Region | Several | None:
    r"""The region of ``[0, 1] \cup \{2\}`` or ``\mathbb{R} \setminus \{0\}``, or a set of points; None for others."""
    parts, cuts = split(tokens, "sign", "cup", "setminus")
    if not all(parts):
        return None
    first = read(parts[0])
    kind = first.kind if isinstance(first, Region) and not has(cuts, "sign", "cup") else ""
    union: list[Piece] | None = _pieces(replace(first, kind="") if kind else first)
    for cut, part in zip(cuts, parts[1:], strict=True):
        is_excluded = cut.value == "setminus"
        answer = read(part)
        if is_excluded and isinstance(answer, Equation):
            answer = read(answer.sides[-1])  # except x = 1
        items = answer.items if isinstance(answer, Several) else (answer,)
        pieces = _pieces(answer) or (_points(items) if is_excluded else [])
        if not pieces or not union:
            return None
        union = without(union, pieces) if is_excluded else union + pieces
    points = tuple(piece.low for piece in union or () if piece.low == piece.high)
    if union and len(points) == len(union):
        return Several("{}", points)
    return Region("", tuple(union), kind=kind) if union else None


def _pieces(answer: Answer) -> list[Piece]:
    """The pieces of a region, of an interval or of a set of values; none of anything else."""
    if isinstance(answer, Several) and answer.brackets == "{}":
        return _points(answer.items)
    region = as_region(answer) if isinstance(answer, Several) else answer
    return [*region.pieces] if isinstance(region, Region) and region.kind in ("", "R") else []


def _points(items: Sequence[Answer]) -> list[Piece]:
    """Values as pieces; none where one of them is no value."""
    ends = [item for item in items if isinstance(item, Value)]
    return [Piece("[]", end, end) for end in ends] if len(ends) == len(items) else []


def _end(tokens: Tokens) -> Value | None:
    value = read_value(tokens)
    return value if isinstance(value, Value) else None


def read_conditions(parts: Sequence[Tokens], joints: Iterable[str], read: Read) -> Region | None:
    """The region of inequalities of one variable: all hold at once, or any with ``or`` among ``joints``, and with
    commas where no number satisfies all (``x < 1, x > 3``). ``x \\ne 1`` takes a point out."""
    joints = set(joints)
    is_either = "or" in joints
    if is_either and len(joints) > 1:
        return None
    sides, signs = split(parts[0], "relation")
    if [sign.value for sign in signs] == ["!="]:  # x \ne 1, 2
        parts = [part if has(part, "relation") else (*sides[0], *signs, *part) for part in parts]
    signed = [with_both_signs(part) if has(part, "relation", "!=") else [part] for part in parts]
    parts = [part for both in signed for part in dict.fromkeys(both)]  # x \ne \pm 1
    has_hole = any(has(part, "relation", "!=") for part in parts)
    if len(parts) < 2 or (is_either and all(map(_point, parts))):
        return None
    found = ((is_either and _point(part)) or read_inequality(part, read) for part in parts)
    regions = [region for region in found if region]
    names = {region.variable for region in regions if region.variable}
    if len(regions) < len(parts) or len(names) != 1:
        return None
    union = Region(names.pop(), tuple(piece for region in regions for piece in region.pieces))
    common: list[Piece] | None = [*REALS]
    for region in regions:
        common = _common(common, region.pieces) if common else common
    if is_either or (common == [] and joints <= {",", ";"} and not has_hole):
        return union
    return replace(union, pieces=tuple(common)) if common else None


def _point(tokens: Tokens) -> Region | None:
    """The region of ``x = 3``, which may stand beside inequalities; None for anything else."""
    sides, signs = split(tokens, "relation")
    name, end = (_variable(sides[0]), _end(sides[1])) if [sign.value for sign in signs] == ["="] else (None, None)
    return Region(str(name), (Piece("[]", end, end),)) if name and end else None


def _common(ones: Sequence[Piece], others: Sequence[Piece]) -> list[Piece] | None:
    """The intersection of two unions of pieces; None where the order of their ends is not known."""
    common: list[Piece] = []
    for one, other in product(ones, others):
        left, right = _tighter(one, other, 0), _tighter(one, other, 1)
        if left is None or right is None:
            return None
        order = _order(left[1], right[1])
        if order is None or order < 0 or (order == 0 and left[0] + right[0] == "[]"):
            common.append(Piece(left[0] + right[0], left[1], right[1]))
    return common


def without(pieces: Sequence[Piece], excluded: Sequence[Piece]) -> list[Piece] | None:
    """The numbers in ``pieces`` that are not in ``excluded``; None where their order is not known, or too many."""
    remaining: list[Piece] | None = [*pieces]
    for piece in excluded:
        is_known = remaining is not None and len(remaining) <= MAX_LISTED
        remaining = _common(remaining or (), _complement(piece)) if is_known else None
    return remaining


def merged(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """``(1, 3)`` of ``(1, 2]`` and ``[2, 3)``: the fewest pieces, where the order of ends is known."""
    outside = without(REALS, pieces) if len(pieces) <= MAX_MERGED else None
    return pieces if outside is None else without(REALS, outside) or pieces


def _complement(piece: Piece) -> list[Piece]:
    """All numbers that are not in ``piece``."""
    below = Piece("(" + (")" if piece.brackets[0] == "[" else "]"), BELOW, piece.low)
    above = Piece(("(" if piece.brackets[1] == "]" else "[") + ")", piece.high, ABOVE)
    return [part for part in (below, above) if part.low != part.high]


def _tighter(one: Piece, other: Piece, side: int) -> tuple[str, Value] | None:
    """The bracket and the end of the intersection of two pieces on one ``side``, 0 for the lower; None if unknown."""
    ends = [(piece.brackets[side], (piece.low, piece.high)[side]) for piece in (one, other)]
    order = _order(ends[0][1], ends[1][1])
    if order == 0:
        return min(ends, key=lambda end: end[0] in "[]")
    return None if order is None else ends[(order < 0) ^ side]


def _order(one: Value, other: Value) -> int | None:
    """-1 where ``one`` is the smaller, 1 where it is the larger, 0 where they are the same, None where not known."""
    if one == other:
        return 0
    low, high = real_value(one.node), real_value(other.node)
    if low is None or high is None:
        if one == BELOW or other == ABOVE:
            return -1
        return 1 if one == ABOVE or other == BELOW else None
    return int(low > high) - int(low < high)


def read_inequality(tokens: Tokens, read: Read) -> Region | None:
    r"""The region of ``x < 3``, ``1 \le x < 2``, ``|x - 2| < 3`` or ``x \in [0, 1]``; else None."""
    brackets, inside = shell(tokens)
    sides, signs = split(inside if brackets == "()" else tokens, "relation")
    relations = [str(sign.value) for sign in signs]
    if relations in (["in"], ["not in"]):
        name, pieces = read_name(sides[0]), _pieces(read(sides[1])) if sides[1] else []
        pieces = without(REALS, pieces) if pieces and relations == ["not in"] else pieces
        return Region(str(name), tuple(pieces)) if name and pieces else None
    if not relations or not all(sides) or not set(relations) <= set(MIRROR):
        return None
    if len(sides) == 2:
        left, right = sides
        is_mirrored = _variable(left) is None and not _is_modulus(left)
        return _bounded(right, MIRROR[relations[0]], left) if is_mirrored else _bounded(left, relations[0], right)
    if len(sides) != 3 or not (set(relations) <= {"<", "<="} or set(relations) <= {">", ">="}):
        return None
    below, above = _bounded(sides[1], MIRROR[relations[0]], sides[0]), _bounded(sides[1], relations[1], sides[2])
    return among(below, above)


def _bounded(left: Tokens, relation: str, right: Tokens) -> Region | None:
    """The region of ``left`` beside ``right``, where ``left`` is a name or the modulus of one; None for others."""
    names = [str(token.value) for token in left if token.kind == "name"]
    if has(right, "name", *names) and names:
        return None
    if _is_modulus(left) and relation != "!=":
        return _distance(left, relation, right)
    name, end = _variable(left), _end(right)
    return Region(str(name), _half_line(relation, end)) if name and end else None


def _variable(tokens: Tokens) -> Name | None:
    """The name that ``tokens`` are; None for a formula, a quotient of names too."""
    is_formula = any(token.kind in ("command", "function") or token.is_("sign", "/", ":") for token in tokens)
    return None if is_formula else read_name(tokens)


def _is_modulus(tokens: Tokens) -> bool:
    """Whether ``tokens`` are ``|x|``, ``|x + 2|`` or ``|x - 2|``."""
    if len(tokens) < 3 or not tokens[0].kind == tokens[-1].kind == "bar" or has(tokens[1:-1], "bar"):
        return False
    return tokens[1].kind == "name" and (len(tokens) == 3 or tokens[2].is_("sign", "+", "-"))


def _distance(modulus: Tokens, relation: str, end: Tokens) -> Region | None:
    """``|x - 2| < 3`` is from ``2 - 3`` to ``2 + 3``, and ``|x - 2| > 3`` what is outside."""
    name, shift = str(modulus[1].value), modulus[3:-1]
    if has(shift, "name", "i") or name in ("z", "w") or modulus[1].is_("name", "A"):
        return None  # in the plane
    centre = (*((MINUS,) if modulus[2].value == "+" else ()), OPEN, *shift, CLOSE) if shift else ()
    low = _end((*centre, MINUS, OPEN, *end, CLOSE))
    high = _end((*centre, PLUS, OPEN, *end, CLOSE) if centre else end)
    if not low or not high:
        return None
    if relation in ("<", "<="):
        return Region(name, (Piece("()" if relation == "<" else "[]", low, high),))
    return Region(name, (*_half_line(MIRROR[relation], low), *_half_line(relation, high)))


def _half_line(relation: str, end: Value) -> tuple[Piece, ...]:
    below = Piece("(]" if relation == "<=" else "()", BELOW, end)
    above = Piece("[)" if relation == ">=" else "()", end, ABOVE)
    return {"<": (below,), "<=": (below,), ">": (above,), ">=": (above,), "!=": (below, above)}[relation]
