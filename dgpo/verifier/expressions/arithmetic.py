r"""Exact value of arithmetic in LaTeX: ``\frac{3}{4}+\frac14``, ``2^{10}``, ``\binom{5}{2}``, ``5!``, ``\sqrt{16}``.

In `Fraction`, with no float; a value that is not rational, or past the bounds, is None and left to the next stages.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, partial, reduce
from typing import Any

from dgpo.verifier.expressions.tree import SERIES, Node, Operation, functions, rebuilt

MAX_BITS = 40_000
"""The longest numerator or denominator. A greatest common divisor of two such takes a few milliseconds."""
FEW_OPERATIONS = 8
MAX_BITS_OF_MANY = 8192
"""The bound where there are more operations than a few."""
MAX_FACTORIAL = 3000
MAX_DEGREE = 64
MAX_TERMS = 128
MAX_TERMS_OF_SERIES = 16


class _NotExact(Exception):
    """The value is not rational, or out of bounds."""


@lru_cache(maxsize=8192)
def exact(node: Node) -> Fraction | None:
    """The rational value of an expression without variables, or None."""
    try:
        count = node.size if isinstance(node, Operation) else 0
        return _value(node, MAX_BITS if count <= FEW_OPERATIONS else MAX_BITS_OF_MANY)
    except (_NotExact, ArithmeticError):
        return None


def expanded(series: Operation, low: Any, high: Any) -> Operation:
    """The sum or product of all terms, behind a 0 or a 1. Raises ArithmeticError where the limits are no integers."""
    term, bound, *_ = series.operands
    most = MAX_TERMS if functions(term).isdisjoint(SERIES) else MAX_TERMS_OF_SERIES
    if int(low) != low or int(high) != high or not -1 <= high - low < most:
        raise ArithmeticError("no limits")
    terms = (rebuilt(term, partial(_evaluated, {bound: Fraction(at)})) for at in range(int(low), int(high) + 1))
    return Operation("+" if series.function == "sum" else "*", (Fraction(series.function == "prod"), *terms))


def _evaluated(values: Mapping[Node, Fraction], part: Node) -> Node:
    """``part`` as a number, where it is a letter of ``values`` or has no names; else as it is."""
    number = exact(part) if isinstance(part, Operation) and not part.names else values.get(part)
    return part if number is None else number


def _value(node: Node, max_bits: int) -> Fraction:
    if isinstance(node, Fraction):
        return _bounded(node, max_bits)
    if not isinstance(node, Operation):
        raise _NotExact
    if node.function in ("^", "root"):
        base, exponent = (_value(operand, max_bits) for operand in node.operands)
        return _raised(base, exponent if node.function == "^" else 1 / exponent, max_bits)
    if node.function in SERIES:
        return _value(expanded(node, *(_value(end, max_bits) for end in node.operands[2:])), max_bits)
    if (function := _FUNCTIONS.get(node.function)) is None:
        raise _NotExact
    values = [_value(operand, max_bits) for operand in node.operands]
    if node.function not in ("+", "*"):
        return _bounded(function(*values), max_bits)
    return reduce(lambda total, operand: _bounded(function(total, operand), max_bits), values)


def _bounded(value: Fraction, max_bits: int) -> Fraction:
    if _bits(value) > max_bits:
        raise _NotExact
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _raised(base: Fraction, exponent: Fraction, max_bits: int) -> Fraction:
    if base in (0, 1, -1) and exponent.denominator == 1:
        if base == 0 and exponent <= 0:
            raise _NotExact
        return base ** (2 + exponent.numerator % 2)
    degree = exponent.denominator
    is_out = degree > MAX_DEGREE or _bits(base) * abs(exponent.numerator) > max_bits
    if is_out or (base < 0 and degree > 1):
        raise _NotExact
    value = base**exponent.numerator
    return value if degree == 1 else Fraction(_root(value.numerator, degree), _root(value.denominator, degree))


def _root(value: int, degree: int) -> int:
    """The exact integer root: of a square at once, else by Newton's method from above."""
    root = math.isqrt(value)
    if degree > 2 and value:
        root = 1 << -(-value.bit_length() // degree)
        while (better := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
            root = better
    if root**degree != value:
        raise _NotExact
    return root


def _of_whole(function: Callable[..., int], largest: float = math.inf) -> Callable[..., Fraction]:
    """A function of whole numbers, of which the first is at most ``largest``."""

    def of_whole(*values: Fraction) -> Fraction:
        if values[0] > largest or any(value.denominator > 1 for value in values):
            raise _NotExact
        try:
            return Fraction(function(*(value.numerator for value in values)))
        except ValueError as error:  # below 0
            raise _NotExact from error

    return of_whole


_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "+": Fraction.__add__,
    "*": Fraction.__mul__,
    "-": lambda value: -value,
    "/": lambda value: 1 / value,
    "!": _of_whole(math.factorial, MAX_FACTORIAL),
    "!!": _of_whole(lambda number: math.prod(range(number, 0, -2)), MAX_FACTORIAL),
    "binom": _of_whole(math.comb, 2 * MAX_FACTORIAL),
    "abs": Fraction.__abs__,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "gcd": _of_whole(math.gcd),
    "lcm": _of_whole(math.lcm),
}
