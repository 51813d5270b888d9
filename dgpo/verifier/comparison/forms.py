r"""The forms of an answer that may be compared: with other letters, in degrees, with or without a per cent sign."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import permutations

from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.evaluation import COUNTERS
from dgpo.verifier.expressions.tree import (
    Answer,
    Condition,
    Node,
    Operation,
    Value,
    functions,
    names,
    operations,
    product,
    renamed,
    subtrees,
)

MAX_CONSTANTS = 3
_DERIVATIVE = re.compile(r"d(2?)([A-Za-z]+)/d[A-Za-z]+2?")
_CONSTANT = re.compile(r"[A-DKck](?:_\d)?")
_NUMBERED = re.compile(r"[Cc]_\d")
_PARAMETERS = frozenset((*"cCklmnrstuv", "alpha", "theta", "lambda", "mu"))
Declared = tuple[Mapping[str, Condition], Mapping[str, Condition]]
"""The conditions on the letters of a ground truth, and on those of an answer."""


def with_one_notation(gold: Node, answer: Node) -> tuple[Node, Node]:
    r"""Both with ``y'`` or ``\dot{y}`` where one has ``dy/dx``, and with ``\vec{a}`` or ``a`` for a bold letter."""
    used = names(gold) | names(answer)
    bold = {name: name[5:] for name in used if name.startswith("bold ")}
    bold = {name: f"vec {letter}" if f"vec {letter}" in used else letter for name, letter in bold.items()}
    sides = (renamed(gold, bold), renamed(answer, bold))
    for one, two in (sides, sides[::-1]):
        for derivative in filter(None, map(_DERIVATIVE.fullmatch, names(one) - names(two))):
            order, function = 2 if derivative[1] else 1, derivative[2]
            short = {function + "'" * order, f"{'d' * order}ot {function}"} & (names(two) - names(one))
            for name in short:
                sides = tuple(renamed(side, {derivative[0]: name}) for side in sides)
    return sides[0], sides[1]


def in_radians(gold: Value, answer: Value) -> tuple[Value, Value]:
    r"""Both in degrees, without the unit, where one is and the other is in radians: ``60^\circ`` and ``\pi/3``."""
    for degrees, radians in ((gold, answer), (answer, gold)):
        node = radians.node
        if degrees.unit != "degree" or radians.unit not in ("", "rad"):
            continue
        is_angle = "pi" in subtrees(node) or any(function.startswith("arc") for function in functions(node))
        if radians.unit or is_angle:
            in_degrees = product(node, Fraction(180), Operation("/", ("pi",)))
            in_degrees = renamed(node, {"pi": Fraction(180)}) if names(node) else in_degrees  # pi - 2 alpha
            converted = replace(radians, node=in_degrees, unit="")
            plain = replace(degrees, unit="")
            return (plain, converted) if degrees is gold else (converted, plain)
    return gold, answer


def new_letters(gold: Node, answer: Node, declared: Declared) -> Iterator[dict[str, str]]:
    r"""Each renaming of the answer's letters that may be tried: none, then those to letters of the ground truth.

    Letters may be renamed that have one condition on both sides (``declared``), or on one where both stand by a
    ``\\pi``, or in the ground truth with other letters beside them; arbitrary constants of a function, ``A`` and
    ``C_1``; and the one parameter of a tuple.
    """
    yield {}
    wanted, given = names(gold) - names(answer), names(answer) - names(gold)
    if not wanted and not given:
        wanted = given = frozenset(filter(_NUMBERED.fullmatch, names(gold)))  # C_1 and C_2 may change places
    if not 0 < len(wanted) == len(given) <= MAX_CONSTANTS:
        return
    called = {call.operands[0] for side in (gold, answer) for call in operations(side, "call")}
    if not called.isdisjoint(wanted | given):
        return  # f(x) is no cx
    common = names(gold) & names(answer)
    constants = wanted | (given - declared[1].keys())
    are_constants = not common.isdisjoint("nrtxyz") and all(map(_CONSTANT.fullmatch, constants))
    is_family = wanted | given <= COUNTERS and all("pi" in subtrees(side) for side in (gold, answer))
    is_declared = (any(declared) and is_family) or (declared[0] and common) or all(declared)
    are_told = all(letters <= told.keys() for letters, told in zip((wanted, given), declared, strict=True) if told)
    may_change = are_told and (len(wanted) == 1 or declared[0]) and (given - declared[1].keys()).isdisjoint("xyz")
    may_try = are_constants or (is_declared and may_change) or _are_points(gold, answer)
    for order in permutations(sorted(wanted)) if may_try else ():
        pairs = [*zip(sorted(given), order, strict=True)]
        told = [(declared[0].get(new), declared[1].get(old)) for old, new in pairs]
        if all(one is None or other is None or same_condition(one, other) for one, other in told):
            yield dict(pairs)


def same_condition(gold: Condition, answer: Condition) -> bool:
    """Whether two conditions are the same, where one may leave out the kind of numbers: ``k >= 0``."""
    return gold[1:] == answer[1:] and ("" in (gold[0], answer[0]) or gold[0] == answer[0])


def _are_points(*sides: Node) -> bool:
    """Whether two tuples have one parameter each, in more than one part: ``(2s, s)`` and ``(2t, t)``."""
    parts = [side.operands if isinstance(side, Operation) and side.function == "tuple" else () for side in sides]
    are_lines = all(sum(bool(names(part)) for part in side) > 1 for side in parts)
    return are_lines and all(len(names(side)) == 1 and names(side) <= _PARAMETERS for side in sides)


def pairs(gold: Value, answer: Value, declared: Declared) -> list[tuple[Node, Node]]:
    """The ground truth beside each form of the answer: in other letters, and as it is and by a hundred where one side
    alone has a per cent sign; 3/4 per cent is no 3/4, though 75 per cent may be 75.
    """
    wanted, given = with_one_notation(gold.node, answer.node)
    forms = [renamed(given, new) for new in new_letters(wanted, given, declared)]
    are_shares = [side.unit[:1] == "%" for side in (gold, answer)]
    if are_shares[0] != are_shares[1]:
        scaled = [product(form, Fraction(100) if are_shares[0] else Fraction(1, 100)) for form in forms]
        is_share = are_shares[1] and (number := exact(wanted)) is not None and abs(number) < 1
        forms = scaled if is_share else forms + scaled
    return [(wanted, form) for form in forms]


def with_letters(golds: list[Answer], answers: list[Answer], declared: Declared) -> Iterator[list[Answer]]:
    """The parts of a tuple in each renaming of their letters, which is the same in all parts."""
    values = [[part for part in side if isinstance(part, Value)] for side in (golds, answers)]
    nodes = [tuple(value.node for value in side) for side in values]
    if not len(nodes[0]) == len(nodes[1]) == len(golds):
        yield answers
        return
    for new in new_letters(Operation("tuple", nodes[0]), Operation("tuple", nodes[1]), declared):
        yield [replace(value, node=renamed(node, new)) for value, node in zip(values[1], nodes[1], strict=True)]
