r"""Exact value of arithmetic in LaTeX: ``\frac{3}{4}+\frac14``, ``2^{10}``, ``\binom{5}{2}``, ``5!``, ``\sqrt{16}``.

In `Fraction`, with no float; a value that is not rational, or past the bounds, is None and left to the next stages.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from dgpo.rewards.expressions import Node, parse

MAX_BITS = 8192
MAX_FACTORIAL = 500


class _NotExact(Exception):
    """The value is not rational, or out of bounds."""


def evaluate(text: str) -> Fraction | None:
    """The rational value of the cleaned LaTeX ``text``, or None. Bounded in time and memory."""
    node = parse(text)
    return None if node is None else exact_value(node)


def exact_value(node: Node) -> Fraction | None:
    """The rational value of an expression without variables, or None."""
    try:
        return _value(node)
    except (_NotExact, ZeroDivisionError):
        return None


def _value(node: Node) -> Fraction:
    if isinstance(node, Fraction):
        return _bounded(node)
    if isinstance(node, str) or node.function not in _FUNCTIONS:
        raise _NotExact
    return _FUNCTIONS[node.function](*map(_value, node.operands))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _bounded(value: Fraction) -> Fraction:
    if _bits(value) > MAX_BITS:
        raise _NotExact
    return value


def _sum(first: Fraction, *others: Fraction) -> Fraction:
    for other in others:
        first = _bounded(first + other)
    return first


def _product(first: Fraction, *others: Fraction) -> Fraction:
    for other in others:
        first = _bounded(first * other)
    return first


def _raise(base: Fraction, exponent: Fraction) -> Fraction:
    if base in (0, 1, -1) and exponent.denominator == 1:
        if base == 0 and exponent <= 0:
            raise _NotExact
        return base ** (2 + exponent.numerator % 2)
    degree = exponent.denominator
    if degree > 64 or _bits(base) * abs(exponent.numerator) > MAX_BITS or (base < 0 and degree > 1):
        raise _NotExact
    value = base**exponent.numerator
    return value if degree == 1 else Fraction(_root(value.numerator, degree), _root(value.denominator, degree))


def _root(value: int, degree: int) -> int:
    """The exact integer root, by bisection."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= value:
            low = middle
        else:
            high = middle - 1
    if low**degree != value:
        raise _NotExact
    return low


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        raise _NotExact
    return Fraction(math.factorial(value.numerator))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    if above.denominator != 1 or below.denominator != 1 or below < 0 or not 0 <= above <= 2 * MAX_FACTORIAL:
        raise _NotExact
    return Fraction(math.comb(above.numerator, below.numerator))


_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "+": _sum,
    "*": _product,
    "-": lambda value: -value,
    "/": lambda value: 1 / value,
    "^": _raise,
    "root": lambda value, degree: _raise(value, 1 / degree),
    "!": _factorial,
    "binom": _binomial,
    "abs": Fraction.__abs__,
}
