r"""Compares two expressions by value: exactly where they are rational, else with 50 digits at the same points.

Expressions that agree at some points agree everywhere, unless they have a kink (a modulus, a root, a maximum, a floor).
Then they are also compared with both signs, past the constants of both and at the whole numbers around these, so that
``|x-12|`` is not ``12-x`` and ``\lfloor n/80\rfloor`` is not 0.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

from dgpo.verifier.expressions import points
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.evaluation import COARSE, FINE, INVERTED, Evaluator
from dgpo.verifier.expressions.points import POSITIVE_POINTS, Coordinate
from dgpo.verifier.expressions.tree import (
    ABOVE,
    BELOW,
    Answer,
    Node,
    Opaque,
    Operation,
    Value,
    functions,
    names,
    operations,
    rebuilt,
    renamed,
    subtrees,
)
from dgpo.verifier.text.tokens import vocabulary

DECIMAL_TOLERANCE = Fraction(1_000_001, 10**12)
"""A shade over 1e-6, so that six written digits (0.333333 for 1/3) are enough."""
INTEGER_TOLERANCE = Fraction(1, 10**12)
"""For an integer gold and a decimal answer: the digits of a float."""
POINTS, COUNTING_POINTS = 6, 24
_NEUTRAL = {"+": Fraction(0), "*": Fraction(1)}
KINKS = vocabulary("abs max min floor ceil root mod arccot") | {f"arc{name}" for name in INVERTED}


_end: ContextVar[float] = ContextVar("end", default=float("inf"))


class OutOfTime(Exception):
    """The processor time of a comparison is used up."""


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Let this thread spend so many seconds of processor time in the block, whatever else the machine does;
    `check_time` raises OutOfTime after them.
    """
    token = _end.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def check_time() -> None:
    if time.thread_time() > _end.get():
        raise OutOfTime


def is_number(tree: Answer) -> bool:
    """Whether an answer is one rational number."""
    return isinstance(tree, Value) and exact(tree.node) is not None


def equal(gold: Node, answer: Node, has_decimal: bool = False) -> bool | None:
    r"""Whether two expressions have the same value, or None where that is not known.

    A decimal on one side brings a tolerance, unless the gold is an integer. ``\log`` without a base is decimal or
    natural, on both sides the same. ``C`` may stand for ``c``, unless one side has a letter in both cases. ``y(3)`` may
    be a function or a product, so both readings must be equal, unless the other side has ``y`` as a factor alone.
    """
    if (same := equal_at_sight(gold, answer, has_decimal)) is not None:
        return same
    if not {gold, answer}.isdisjoint((ABOVE.node, BELOW.node)):
        return False
    if any(isinstance(side, Opaque) or _is_complex(side) for side in (gold, answer)):
        return None
    if "infinity" in subtrees(gold) or "infinity" in subtrees(answer):  # series: equal with as many terms, twice
        ends = ({"infinity": Fraction(end)} for end in (7, 8))
        return all(_equal_in_a_reading(renamed(gold, end), renamed(answer, end), has_decimal) for end in ends) or None
    same = _equal_in_a_reading(gold, answer, has_decimal)
    calls, others = (tuple(operations(side, "call")) for side in (gold, answer))
    if (calls or others) and not any(call.operands[1] == 0 for call in calls + others):
        as_products = _equal_in_a_reading(rebuilt(gold, _as_product), rebuilt(answer, _as_product), has_decimal)
        called, other_called = ({call.operands[0] for call in part} for part in (calls, others))
        are_factors = not called & other_called and called <= names(answer) and other_called <= names(gold)
        return as_products if are_factors or same == as_products else None
    return same


def equal_at_sight(gold: Node, answer: Node, has_decimal: bool = False) -> bool | None:
    """As `equal`, where no points are needed: of two rational numbers, and of trees with the same terms and factors."""
    wanted, given = exact(gold), exact(answer)
    if wanted is not None and given is not None:
        is_near = abs(wanted - given) <= DECIMAL_TOLERANCE * max(abs(wanted), abs(given))
        return wanted == given or (has_decimal and wanted.denominator > 1 and is_near)
    return True if folded(gold) == folded(answer) else None


def _is_complex(node: Node) -> bool:
    """Whether a modulus is of a variable and ``i``: real points do not tell ``|z-i|`` from ``|z+i|``."""
    return bool(names(node)) and "abs" in functions(node) and "i" in subtrees(node)


def _as_product(node: Node) -> Node:
    return Operation("*", node.operands) if isinstance(node, Operation) and node.function == "call" else node


@lru_cache(maxsize=4096)
def ordered(node: Node, is_computed: bool = False) -> Node:
    """``node`` with terms and factors sorted, without terms 0 and factors 1, so that ``2+x`` is ``x+2``; with
    ``is_computed`` also its rational parts as numbers. Equal ordered trees have equal values.
    """
    if not isinstance(node, Operation):
        return node
    if is_computed and (number := exact(node)) is not None:
        return number
    operands = [ordered(operand, is_computed) for operand in node.operands]
    if (neutral := _NEUTRAL.get(node.function)) is None:
        return Operation(node.function, tuple(operands))
    flat: list[Node] = []
    for operand in operands:
        is_same = isinstance(operand, Operation) and operand.function == node.function
        flat += operand.operands if isinstance(operand, Operation) and is_same else (operand,)
    while neutral in flat:
        flat.remove(neutral)
    operands = sorted(flat, key=hash) or [neutral]
    return operands[0] if len(operands) == 1 else Operation(node.function, tuple(operands))


folded = partial(ordered, is_computed=True)


def _equal_in_a_reading(gold: Node, answer: Node, has_decimal: bool) -> bool | None:
    """The first decision of `_readings` that is not False."""
    decisions = (_equal(*reading, has_decimal) for reading in _readings(gold, answer))
    return next((same for same in decisions if same is not False), False)


def _readings(gold: Node, answer: Node) -> Iterator[tuple[Node, Node]]:
    r"""Both as they are, in lower case where they differ by case alone, and each with ``\log`` as natural too."""
    both = (gold, answer)
    lower = [{name: name.lower() for name in names(side) if not name[1:2].isalpha()} for side in both]  # no Omega
    letters = [frozenset(side.values()) for side in lower]
    is_case = names(gold) != names(answer) and letters[0] == letters[1]
    readings = [both]
    if is_case and [*map(len, letters)] == [*map(len, lower)]:
        readings.append((renamed(gold, lower[0]), renamed(answer, lower[1])))
    yield from readings
    if any(len(part.operands) == 1 for side in both for part in operations(side, "log")):
        yield from ((rebuilt(one, _with_natural_log), rebuilt(two, _with_natural_log)) for one, two in readings)


def _with_natural_log(node: Node) -> Node:
    if isinstance(node, Operation) and node.function == "log" and len(node.operands) == 1:
        return Operation("ln", node.operands)
    return node


def _equal(gold: Node, answer: Node, has_decimal: bool) -> bool | None:
    variables = names(gold) | names(answer)
    kinds = points.places(gold, answer)
    is_slow = {"Gamma", "zeta"} & (functions(gold) | functions(answer))  # with 500 digits
    same: bool | None = True
    for at in kinds:
        decision = _equal_at_points(gold, answer, has_decimal, at, COARSE)
        if decision is None or (decision and not (variables or has_decimal or is_slow)):  # e^{pi sqrt 163}
            finer = _equal_at_points(gold, answer, has_decimal, at, FINE)
            decision = decision if finer is None else finer
        if decision is False:
            return False
        same = same and decision
    is_kinked = (_has_kink(gold) or _has_kink(answer)) and not _are_quantities(gold, answer)
    return _equal_beyond(gold, answer, has_decimal, kinds[0]) if same and variables and is_kinked else same


def _equal_at_points(gold: Node, answer: Node, has_decimal: bool, at: Coordinate, evaluator: Evaluator) -> bool | None:
    r"""Whether given expressions agree at some points. None where too few points have values, or where they agree
    only where all variables are positive (``\sqrt{x^2}`` and ``x``).

    A point where a side is not real does not count (``\sqrt{xy}`` and ``\sqrt{x}\sqrt{y}``), unless there is a modulus,
    which may be what makes a side real (``\ln|x|`` and ``\ln x``).
    """
    variables = names(gold) | names(answer)
    has_modulus = "abs" in functions(gold) | functions(answer)
    count = (COUNTING_POINTS if at is points.counting else POINTS) if variables else 1
    compared, same = 0, True
    for index in range(count):
        wanted, given = (_value(side, index if names(side) else 0, at, evaluator) for side in (gold, answer))
        if at is points.counting and bool(wanted) != bool(given):
            return None
        is_positive = index < POSITIVE_POINTS
        if not wanted or not given or not (is_positive or has_modulus or (wanted[1] and given[1])):
            continue
        if _close(wanted[0], given[0], _tolerance(gold, has_decimal, evaluator)):
            compared += 1
        elif is_positive:
            return False
        else:
            same = _are_quantities(gold, answer)
    return (same or None) if compared >= (2 if variables else 1) else None


@lru_cache(maxsize=16384)
def _value(node: Node, index: int, at: Coordinate, evaluator: Evaluator) -> tuple[Any, bool] | None:
    check_time()
    point = {name: at(name, index) for name in names(node)}
    if at is points.counting:
        node = ordered(
            renamed(node, {name: number for name, number in point.items() if name in points.COUNTERS}), is_computed=True
        )
    number = exact(node)
    return evaluator.value_at(node if number is None else number, point)


def _tolerance(gold: Node, has_decimal: bool, evaluator: Evaluator) -> Fraction:
    if not has_decimal:
        return evaluator.tolerance
    return INTEGER_TOLERANCE if (exact(gold) or Fraction(1, 2)).denominator == 1 else DECIMAL_TOLERANCE


def _close(wanted: Any, given: Any, tolerance: Fraction) -> bool:
    return bool(abs(wanted - given) * tolerance.denominator <= tolerance.numerator * max(abs(wanted), abs(given)))


def _has_kink(node: Node) -> bool:
    """Whether a kink is of a variable, or a power of one that is no integer: ``(x^2)^{1/2}``."""
    kinks = (part for kink in KINKS & functions(node) for part in operations(node, kink))
    powers = (part.operands for part in operations(node, "^"))
    broken = (base for base, exponent in powers if (exact(exponent) or Fraction(1)).denominator > 1)
    return any(map(names, (*kinks, *broken)))


def _are_quantities(*sides: Node) -> bool:
    """Whether letters are positive, as in physics: four or more, none a coordinate, and no kinks but roots."""
    letters = frozenset().union(*map(names, sides))
    kinks = KINKS & frozenset().union(*map(functions, sides))
    return len(letters) > 3 and letters.isdisjoint("xyz") and kinks <= {"root"}


def _equal_beyond(gold: Node, answer: Node, has_decimal: bool, at: Coordinate) -> bool | None:
    """Whether they agree at the points of `points.breaks` too; None where most of these have no values."""
    both = (gold, answer)
    has_modulus = any("abs" in functions(side) for side in both)
    tried = compared = 0
    for point in points.breaks(gold, answer, at):
        check_time()
        tried += 1
        wanted, given = (COARSE.value_at(side, point) for side in both)
        if wanted and given and _close(wanted[0], given[0], _tolerance(gold, has_decimal, COARSE)):
            compared += 1
        elif wanted and given and (has_modulus or (wanted[1] and given[1])):
            return False
    return True if compared * 4 >= tried else None


def is_multiple(gold: Node, answer: Node, *, positive: bool = False) -> bool:
    """Whether gold is answer times a constant, so that ``gold = 0`` and ``answer = 0`` are one equation."""
    if not names(gold) or names(gold) != names(answer) or _is_complex(gold):
        return False
    both = ([_value(side, index, points.coordinate, COARSE) for side in (gold, answer)] for index in range(POINTS))
    pairs = [(one[0], two[0]) for one, two in both if one and two]
    if len(pairs) < POSITIVE_POINTS or not all(two for _, two in pairs) or len({one for one, _ in pairs}) < 2:
        return False
    factor = pairs[0][0] / pairs[0][1]
    if abs(factor) > 10**9 or (positive and not (factor.imag == 0 and factor.real > 0)):
        return False
    if _has_kink(gold) or _has_kink(answer):
        scaled = Operation("*", (Fraction(float(factor.real)).limit_denominator(1000), answer))
        return equal(gold, scaled) is True
    return all(_close(one, factor * two, COARSE.tolerance) for one, two in pairs)


@lru_cache(maxsize=4096)
def real_value(node: Node) -> Any:
    """The value of an expression without variables, its real part where it is complex; None where it has none."""
    value = None if names(node) else COARSE.value_at(node, {})
    return value[0].real if value else None
