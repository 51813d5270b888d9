r"""Intervals, unions and inequalities in one form: ``x \le 3`` and ``(-\infty, 3]`` are the same set of numbers."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from dgpo.verifier.naming import Name, read_name
from dgpo.verifier.quantities import read_value
from dgpo.verifier.splitting import opened, separated, shell, split
from dgpo.verifier.tokens import Token, Tokens
from dgpo.verifier.tree import Answer, Infinite, Piece, Region, Several, Value
from dgpo.verifier.values import real_value

MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
BELOW, ABOVE = Infinite(True), Infinite(False)
_MINUS, _PLUS = Token("sign", "-", "-"), Token("sign", "+", "+")
_OPEN, _CLOSE = Token("open", "(", "("), Token("close", ")", ")")
REALS = (Piece("()", BELOW, ABOVE),)


def as_region(answer: Answer) -> Region | None:
    """A set, or a pair in brackets, as a set of numbers."""
    if isinstance(answer, Region):
        return answer
    if isinstance(answer, Value) and answer.node is not None:
        return Region("", (Piece("[]", answer, answer),))
    if not isinstance(answer, Several) or not all(isinstance(item, Value | Infinite) for item in answer.items):
        return None
    ends = [item for item in answer.items if isinstance(item, Value | Infinite)]
    if answer.brackets == "{}":
        return Region("", tuple(Piece("[]", end, end) for end in ends)) if ends else None
    return Region("", (Piece(answer.brackets, *ends),)) if answer.brackets and len(ends) == 2 else None


def read_union(tokens: Tokens) -> Region | None:
    r"""``[0, 1] \cup \{2\}``, ``\mathbb{R} \setminus \{0\}``, ``\mathbb{R}``."""
    parts, cuts = split(tokens, lambda token: token.is_("sign", "cup", "setminus") or token.is_("word", "except"))
    found: list[Piece] = []
    for index, part in enumerate(parts):
        is_out = bool(index) and cuts[index - 1].value != "cup"
        pieces = _pieces(part) or (_points(part) if is_out else None)
        if pieces is None:
            return None
        if is_out:
            for piece in pieces:
                found = [rest for base in found for rest in _without(base, piece, len(found) == len(pieces) == 1)]
        else:
            found += pieces
    return Region("", tuple(found))


def _pieces(tokens: Tokens) -> list[Piece] | None:
    tokens = opened(tokens)
    if is_reals(tokens):
        return [*REALS]
    if len(tokens) > 2 and tokens[0].is_("field", "R") and tokens[1].is_("sign", "^"):
        sign = [token for token in tokens[2:] if token.kind == "sign"]
        zero = Value(Fraction(0), ())
        if len(sign) == 1 and sign[0].value in ("+", "-") and len(tokens) < 6:
            return [Piece("()", zero, ABOVE) if sign[0].value == "+" else Piece("()", BELOW, zero)]
    brackets, inside = shell(tokens)
    inside = separated(inside)
    parts = split(inside, lambda token: token.kind == "join")[0]
    ends = [_end(part) for part in parts if part]
    if brackets not in ("{}", "()", "[]", "[)", "(]") or not all(ends):
        region = read_inequality(tokens)
        return [*region.pieces] if region else None
    kept = [end for end in ends if end is not None]
    if brackets == "{}":
        return [Piece("[]", end, end) for end in kept]
    return [Piece(brackets, *kept)] if len(kept) == 2 else None


def _points(tokens: Tokens) -> list[Piece] | None:
    ends = [_end(part) for part in split(tokens, lambda token: token.kind == "join")[0] if part]
    return [Piece("[]", end, end) for end in ends if end] if ends and all(ends) else None


def is_reals(tokens: Sequence[Token]) -> bool:
    if len(tokens) == 1:
        return tokens[0].is_("field", "R")
    words = " ".join(str(token.value).lower() for token in tokens)
    return words in ("all real numbers", "all reals", "all real number")


def _end(tokens: Tokens) -> Value | Infinite | None:
    if split(tokens, lambda token: token.kind in ("relation", "join"))[1]:
        return None
    found = read_value(tokens)
    return found if isinstance(found, Value | Infinite) else None


def read_builder(tokens: Tokens) -> Region | None:
    r"""``x \mid x > 2``: what stands in the braces of such a set."""
    parts, _ = split(tokens, lambda token: token.kind == "bar" or token.is_("sign", ":"))
    if len(parts) < 2 or not parts[0] or parts[0][0].kind != "name":
        return None
    if len(parts[0]) > 1 and not (len(parts[0]) == 3 and parts[0][2].is_("field", "R")):
        return None
    condition = tokens[len(parts[0]) + 1 :]
    pieces, joints = split(condition, lambda token: token.kind == "join")
    if joints:
        region = read_conditions(pieces, {str(joint.value) for joint in joints})
    else:
        region = read_inequality(condition)
    return region if region and region.variable == str(read_name(parts[0][:1])) else None


def read_conditions(parts: Sequence[Tokens], joints: Iterable[str]) -> Region | None:
    """Inequalities of one variable together: all of them, or with ``or`` any; ``x \\ne 1`` takes a point out."""
    joints = set(joints)
    if not any(token.kind == "relation" and token.value != "=" for part in parts for token in part):
        return None
    if "or" in joints and len(joints) > 1:
        return None
    holes: list[Value] = []
    regions: list[Region] = []
    names: set[str] = set()
    for part in parts:
        hole = _hole(part) if "or" not in joints else None
        region = None if hole else _membership(part) or read_inequality(part)
        if hole:
            names.add(hole[0])
            holes += hole[1]
        elif region:
            regions.append(region)
        else:
            return None
    names |= {region.variable for region in regions if region.variable}
    if len(names) != 1:
        return None
    name = names.pop()
    if "or" in joints:
        return Region(name, tuple(piece for region in regions for piece in region.pieces))
    if not holes and joints <= {",", ";"}:
        return None
    if len(holes) == len(parts) == 1:
        return None
    pieces = _intersection(regions) if regions else [*REALS]
    if pieces is None:
        return None
    for hole in holes:
        point = Piece("[]", hole, hole)
        pieces = [rest for piece in pieces for rest in _without(piece, point, len(pieces) == len(holes) == 1)]
    return Region(name, tuple(pieces))


def _membership(tokens: Tokens) -> Region | None:
    """``x \\in \\mathbb{R}`` and ``x \\in [0, 1]``."""
    sides, signs = split(tokens, lambda token: token.kind == "relation")
    if [str(sign.value) for sign in signs] != ["in"] or not (name := read_name(sides[0])):
        return None
    region = read_union(sides[1])
    return Region(str(name), region.pieces) if region else None


def _hole(tokens: Tokens) -> tuple[str, list[Value]] | None:
    sides, signs = split(tokens, lambda token: token.kind == "relation")
    name = read_name(sides[0])
    if [str(sign.value) for sign in signs] != ["!="] or name is None or not sides[1]:
        return None
    both = any(token.is_("sign", "pm") for token in sides[1])
    ends = [_end(side) for side in (_signed(sides[1], _PLUS), _signed(sides[1], _MINUS))] if both else [_end(sides[1])]
    found = [end for end in ends if isinstance(end, Value)]
    return (str(name), found) if len(found) == len(ends) else None


def _signed(tokens: Tokens, sign: Token) -> Tokens:
    return tuple(sign if token.is_("sign", "pm") else token for token in tokens)


def _intersection(regions: Sequence[Region]) -> list[Piece] | None:
    """Of one region, or of a half line up and one down."""
    if len(regions) == 1:
        return [*regions[0].pieces]
    whole = [region for region in regions if region.pieces != REALS]
    if len(whole) < 2:
        return [*whole[0].pieces] if whole else [*REALS]
    if len(whole) != 2 or any(len(region.pieces) != 1 for region in whole):
        return None
    one, two = sorted((region.pieces[0] for region in whole), key=lambda piece: piece.low == BELOW)
    if one.high != ABOVE or two.low != BELOW or one.low == BELOW:
        return None
    low, high = (_number(end) for end in (one.low, two.high))
    if low is not None and high is not None and low >= high:
        return None
    return [Piece(one.brackets[0] + two.brackets[1], one.low, two.high)]


def _without(piece: Piece, out: Piece, is_inside: bool) -> list[Piece]:
    """``piece`` less ``out``, which lies inside if that cannot be computed and ``is_inside``."""
    low, first, last, high = map(_number, (piece.low, out.low, out.high, piece.high))
    left, right = piece.brackets
    before = Piece(left + (")" if out.brackets[0] == "[" else "]"), piece.low, out.low)
    after = Piece(("(" if out.brackets[1] == "]" else "[") + right, out.high, piece.high)
    if first is None or last is None or low is None or high is None:
        return [before, after] if is_inside else [piece]
    if out.low == out.high and first in (low, high):
        kept = ("(" if first == low else left) + (")" if first == high else right)
        return [Piece(kept, piece.low, piece.high)]
    if last < low or first > high:
        return [piece]
    return [rest for rest, is_there in ((before, low < first), (after, last < high)) if is_there]


def _number(end: Value | Infinite) -> Any:
    if isinstance(end, Infinite):
        return -math.inf if end.is_negative else math.inf
    return None if end.node is None else real_value(end.node)


def read_inequality(tokens: Tokens) -> Region | None:
    """``x < 3``, ``1 \\le x < 2``, ``|x - 2| < 3``."""
    sides, signs = split(tokens, lambda token: token.kind == "relation")
    relations = [str(sign.value) for sign in signs]
    if not relations or not all(sides) or not set(relations) <= set(MIRROR):
        return None
    if len(sides) == 2:
        left, relation, right = sides[0], relations[0], sides[1]
        if _variable(left) is None and not _is_modulus(left):
            left, relation, right = right, MIRROR[relation], left
        if _mentions(right, left):
            return None
        if _is_modulus(left) and relation != "!=":
            return _distance(left, relation, right)
        name, end = _variable(left), _end(right)
        return Region(str(name), _half_line(relation, end)) if name and end else None
    if len(sides) != 3 or "!=" in relations:
        return None
    if set(relations) <= {">", ">="}:
        sides, relations = sides[::-1], [MIRROR[relation] for relation in reversed(relations)]
    if not set(relations) <= {"<", "<="}:
        return None
    if _is_modulus(sides[1]):
        inner, outer = _distance(sides[1], MIRROR[relations[0]], sides[0]), _distance(sides[1], relations[1], sides[2])
        return _ring(inner, outer) if inner and outer else None
    brackets = ("(" if relations[0] == "<" else "[") + (")" if relations[1] == "<" else "]")
    name, low, high = _variable(sides[1]), _end(sides[0]), _end(sides[2])
    return Region(str(name), (Piece(brackets, low, high),)) if name and low and high else None


def _ring(outside: Region, inside: Region) -> Region:
    """What is within ``inside``, an interval, and in one of the two half lines of ``outside``: ``1 < |x| < 2``."""
    (below, above), (within,) = outside.pieces, inside.pieces
    left = Piece(within.brackets[0] + below.brackets[1], within.low, below.high)
    return Region(inside.variable, (left, Piece(above.brackets[0] + within.brackets[1], above.low, within.high)))


def _variable(tokens: Tokens) -> Name | None:
    """A name by which numbers are called; no quotient of names, and no constant."""
    is_formula = any(token.kind in ("command", "function") or token.is_("sign", "/", ":") for token in tokens)
    return None if is_formula else read_name(tokens)


def _mentions(tokens: Tokens, other: Tokens) -> bool:
    names = {token.value for token in other if token.kind == "name"}
    return any(token.kind == "name" and token.value in names for token in tokens)


def _is_modulus(tokens: Tokens) -> bool:
    return (
        len(tokens) > 2
        and tokens[0].kind == tokens[-1].kind == "bar"
        and tokens[1].kind == "name"
        and (len(tokens) == 3 or tokens[2].is_("sign", "+", "-"))
        and not any(token.kind == "bar" for token in tokens[1:-1])
    )


def _distance(modulus: Tokens, relation: str, end: Tokens) -> Region | None:
    """``|x - 2| < 3`` is between ``2 - 3`` and ``2 + 3``; with the sign the other way, outside."""
    name, shift = str(modulus[1].value), modulus[3:-1]
    if (
        any(token.kind == "name" and token.value == "i" for token in shift)
        or name in ("z", "w")
        or modulus[1].is_("name", "A")
    ):
        return None  # in the plane
    centre: Tokens = ()
    if shift:
        centre = (*((_MINUS,) if modulus[2].value == "+" else ()), _OPEN, *shift, _CLOSE)
    low = _end((*centre, _MINUS, _OPEN, *end, _CLOSE))
    high = _end((*centre, _PLUS, _OPEN, *end, _CLOSE) if centre else end)
    if not isinstance(low, Value) or not isinstance(high, Value):
        return None
    if relation in ("<", "<="):
        return Region(name, (Piece("()" if relation == "<" else "[]", low, high),))
    return Region(name, (*_half_line(MIRROR[relation], low), *_half_line(relation, high)))


def _half_line(relation: str, end: Value | Infinite) -> tuple[Piece, ...]:
    below = Piece("(]" if relation == "<=" else "()", BELOW, end)
    above = Piece("[)" if relation == ">=" else "()", end, ABOVE)
    return {"<": (below,), "<=": (below,), ">": (above,), ">=": (above,), "!=": (below, above)}[relation]
