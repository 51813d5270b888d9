r"""Two expressions, compared by value: exactly where they are rational, else with 50 digits at the same points.

Two expressions without a kink (a modulus, a root, a maximum, a floor) that agree on a stretch agree everywhere. With
one they may part beyond it: then the points reach both signs, past the constants of both, and the whole numbers around
them, so that ``|x-12|`` is not ``12-x`` and ``\lfloor n/80\rfloor`` is not 0.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from dgpo.verifier.arithmetic import exact_value
from dgpo.verifier.breaks import breaks
from dgpo.verifier.evaluation import value_at
from dgpo.verifier.grading import (
    COUNTERS,
    EXACT_TOLERANCE,
    POINTS,
    POSITIVE_POINTS,
    Side,
    coordinate,
    same_value,
    whole,
)
from dgpo.verifier.nodes import CONSTANTS, Node, Operation, functions, leaves
from dgpo.verifier.tree import Answer, Value

RELATIVE_TOLERANCE = Fraction(1_000_001, 10**12)
"""A shade over 1e-6, so that six written digits (0.333333 for 1/3) are enough."""
KINKS = frozenset(("abs", "max", "min", "floor", "ceil", "root", "arcsin", "arccos", "arctan", "mod"))
STEPS = frozenset(("floor", "ceil", "gcd", "lcm"))


@dataclass(frozen=True, slots=True)
class Number:
    """An expression: its tree, and whether a decimal number stands in it."""

    node: Node
    is_decimal: bool


def exact(node: Node) -> Fraction | None:
    return node if isinstance(node, Fraction) else _exact(node)


@lru_cache(maxsize=4096)
def _exact(node: Node) -> Fraction | None:
    return None if names(node) else exact_value(node)


@lru_cache(maxsize=4096)
def names(node: Node) -> frozenset[str]:
    return frozenset(leaf for leaf in leaves(node) if isinstance(leaf, str)) - CONSTANTS


def is_number(tree: Answer) -> bool:
    """Whether an answer is one rational number."""
    return isinstance(tree, Value) and tree.node is not None and exact(tree.node) is not None


def close(gold: Fraction, answer: Fraction, is_decimal: bool) -> bool:
    """Whether two numbers are the same; with a tolerance where one is a decimal and the gold is no integer."""
    if gold == answer:
        return True
    if gold.denominator == 1 or not is_decimal:
        return False
    return abs(gold - answer) <= RELATIVE_TOLERANCE * max(abs(gold), abs(answer))


def equal(gold: Number, answer: Number, scale: Fraction = Fraction(1)) -> bool | None:
    r"""Whether gold is ``scale`` times answer, or None where that is not known.

    ``\log`` without a base is decimal or natural, on both sides the same. ``C`` may stand for ``c``, unless one side
    has a letter in both cases.
    """
    wanted, given = exact(gold.node), exact(answer.node)
    if wanted is not None and given is not None:
        return close(wanted, given * scale, gold.is_decimal or answer.is_decimal)
    if scale == 1 and folded(gold.node) == folded(answer.node):
        return True
    if _is_complex(gold.node) or _is_complex(answer.node):
        return None
    all_functions = frozenset(itertools.chain(functions(gold.node), functions(answer.node)))
    if "call" in all_functions:
        as_called = _equal_in_any_spelling(gold, answer, scale, all_functions)
        if _is_called_at_0(gold.node) or _is_called_at_0(answer.node):
            return as_called
        one, two = (Number(_as_product(side.node), side.is_decimal) for side in (gold, answer))
        return as_called if as_called == _equal_in_any_spelling(one, two, scale, all_functions) else None
    return _equal_in_any_spelling(gold, answer, scale, all_functions)


@lru_cache(maxsize=4096)
def _is_complex(node: Node) -> bool:
    """Whether a modulus is of a variable and ``i``: real points do not tell ``|z-i|`` from ``|z+i|``."""
    return bool(names(node)) and "abs" in functions(node) and "i" in leaves(node)


def _is_called_at_0(node: Node) -> bool:
    if isinstance(node, Fraction | str):
        return False
    return (node.function == "call" and node.operands[1] == 0) or any(map(_is_called_at_0, node.operands))


def _as_product(node: Node) -> Node:
    if isinstance(node, Fraction | str):
        return node
    return Operation("*" if node.function == "call" else node.function, tuple(map(_as_product, node.operands)))


@lru_cache(maxsize=4096)
def folded(node: Node) -> Node:
    """One order of terms and factors, with the rational parts as numbers: equal trees are equal values."""
    if isinstance(node, Fraction | str):
        return node
    number = exact(node)
    if number is not None:
        return number
    operands = [folded(operand) for operand in node.operands]
    if node.function in ("+", "*"):
        flat: list[Node] = []
        for operand in operands:
            is_same = isinstance(operand, Operation) and operand.function == node.function
            flat += operand.operands if isinstance(operand, Operation) and is_same else (operand,)
        operands = sorted(flat, key=repr)
    return Operation(node.function, tuple(operands))


def _equal_in_any_spelling(gold: Number, answer: Number, scale: Fraction, all_functions: frozenset[str]) -> bool | None:
    bases: tuple[int | str, ...] = (
        (10, "e") if _has_bare_logarithm(gold.node) or _has_bare_logarithm(answer.node) else (10,)
    )
    cases = (False, True) if _case_alone_may_differ(names(gold.node), names(answer.node)) else (False,)
    same = None
    for base, ignores_case in itertools.product(bases, cases):
        same = _equal(gold, answer, scale, base, ignores_case, all_functions)
        if same is not False:
            return same
    return same


def _equal(
    gold: Number, answer: Number, scale: Fraction, base: int | str, ignores_case: bool, all_functions: frozenset[str]
) -> bool | None:
    variables = names(gold.node) | names(answer.node)
    kinds: list[Callable[[str, int], Fraction]] = [coordinate]
    if variables and all_functions & STEPS:
        kinds = [whole] if variables <= COUNTERS else [coordinate, whole]
    verdicts = []
    for kind in kinds:
        one, two = (_side(side, kind, base, ignores_case) for side in (gold, answer))
        verdicts.append(same_value(one, two, scale))
        if verdicts[-1] is False:
            return False
    if None in verdicts:
        return None
    if variables and _has_kink(gold.node, all_functions) | _has_kink(answer.node, all_functions):
        return _equal_beyond(
            gold, answer, scale, base, ignores_case, is_whole=whole in kinds and coordinate not in kinds
        )
    return True


def _has_kink(node: Node, all_functions: frozenset[str]) -> bool:
    return bool(all_functions & KINKS) or ("^" in all_functions and _has_broken_power(node))


@lru_cache(maxsize=4096)
def _has_broken_power(node: Node) -> bool:
    """Whether a power of a variable has an exponent that is no integer: ``(x^2)^{1/2}``."""
    if isinstance(node, Fraction | str):
        return False
    if node.function == "^" and names(node.operands[0]):
        power = exact(node.operands[1])
        if power is not None and power.denominator > 1:
            return True
    return any(map(_has_broken_power, node.operands))


@lru_cache(maxsize=4096)
def _has_bare_logarithm(node: Node) -> bool:
    if isinstance(node, Fraction | str):
        return False
    return (node.function == "log" and len(node.operands) == 1) or any(map(_has_bare_logarithm, node.operands))


def _case_alone_may_differ(*sides: frozenset[str]) -> bool:
    folded = [{name.lower() for name in names} for names in sides]
    return sides[0] != sides[1] and folded[0] == folded[1] and [*map(len, sides)] == [*map(len, folded)]


@lru_cache(maxsize=4096)
def _side(number: Number, at: Callable[[str, int], Fraction], base: int | str, ignores_case: bool) -> Side:
    variables = names(number.node)
    spelling = {name: name.lower() if ignores_case else name for name in variables}
    rational = exact(number.node)
    return Side(
        names=frozenset(spelling.values()),
        values=tuple(
            value_at(number.node, {name: at(spelling[name], index) for name in variables}, base)
            for index in range(POINTS if variables else 1)
        ),
        is_integer=rational is not None and rational.denominator == 1,
        is_decimal=number.is_decimal,
        has_modulus="abs" in functions(number.node),
    )


def _equal_beyond(
    gold: Number, answer: Number, scale: Fraction, base: int | str, ignores_case: bool, is_whole: bool
) -> bool | None:
    """Whether they agree past their constants too; None where most points have no values."""
    variables = sorted(names(gold.node) | names(answer.node))
    has_modulus = "abs" in {*functions(gold.node), *functions(answer.node)}
    seen = told = 0
    for values in breaks([*leaves(gold.node), *leaves(answer.node)], len(variables), is_whole):
        point = {
            name: value if value is not None else coordinate(name, 0) if not is_whole else whole(name, 0)
            for name, value in zip(variables, values, strict=True)
        }
        if ignores_case:
            point |= {name: point[name.lower()] for name in variables if name.lower() in point}
        seen += 1
        one, two = value_at(gold.node, point, base), value_at(answer.node, point, base)
        if one is None or two is None or not (has_modulus or (one[1] and two[1])):
            continue
        told += 1
        wanted, given = one[0], two[0] * scale.numerator / scale.denominator
        tolerance = 1.01e-6 if gold.is_decimal or answer.is_decimal else EXACT_TOLERANCE
        if abs(wanted - given) > tolerance * max(abs(wanted), abs(given), 1e-300):
            return False
    return True if told * 4 >= seen else None


def with_one_notation(gold: Number, answer: Number) -> tuple[Number, Number]:
    """Both with ``y'`` where one has ``dy/dx``."""
    sides = (gold, answer)
    if names(gold.node) == names(answer.node):
        return sides
    for one, two in (sides, sides[::-1]):
        for name in names(one.node) - names(two.node):
            short = f"{name[1:].partition('/')[0]}'"
            if name[0] == "d" and "/d" in name and short in names(two.node) - names(one.node):
                sides = tuple(Number(_renamed(side.node, name, short), side.is_decimal) for side in sides)
    return sides[0], sides[1]


def _renamed(node: Node, name: str, new: str) -> Node:
    if isinstance(node, Operation):
        return Operation(node.function, tuple(_renamed(operand, name, new) for operand in node.operands))
    return new if node == name else node


def is_multiple(gold: Number, answer: Number, *, positive: bool = False) -> bool:
    """Whether gold is answer times a constant: two relations, each as its left side less its right one."""
    if not names(gold.node) or names(gold.node) != names(answer.node) or _is_complex(gold.node):
        return False
    if {*functions(gold.node), *functions(answer.node)} & KINKS:
        return equal(gold, answer) is True
    wanted, given = (_side(side, coordinate, 10, False) for side in (gold, answer))
    pairs = [(one[0], two[0]) for one, two in zip(wanted.values, given.values, strict=True) if one and two]
    if len(pairs) < POSITIVE_POINTS or not all(two for _, two in pairs) or len({one for one, _ in pairs}) < 2:
        return False
    factor = pairs[0][0] / pairs[0][1]
    if positive and not (factor.imag == 0 and factor.real > 0):
        return False
    return all(abs(one - factor * two) <= EXACT_TOLERANCE * abs(one) for one, two in pairs)


def real_value(node: Node) -> Any:
    """The value of an expression without variables, or None."""
    if names(node):
        return None
    value = value_at(node, {})
    return value[0].real if value else None
