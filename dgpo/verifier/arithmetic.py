r"""Exact value of arithmetic in LaTeX: ``\frac{3}{4}+\frac14``, ``2^{10}``, ``\binom{5}{2}``, ``5!``, ``\sqrt{16}``.

In `Fraction`, with no float; a value that is not rational, or past the bounds, is None and left to the next stages.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from dgpo.verifier.tree import Node, Operation

MAX_BITS = 40_000
"""Of a numerator or a denominator. One greatest common divisor of two such takes a few milliseconds."""
FEW_OPERATIONS = 8
MAX_BITS_OF_MANY = 8192
"""The bound where there are more operations than a few."""
MAX_FACTORIAL = 3000
MAX_DEGREE = 64


class _NotExact(Exception):
    """The value is not rational, or out of bounds."""


def exact_value(node: Node) -> Fraction | None:
    """The rational value of an expression without variables, or None."""
    arithmetic = _FEW if _operations(node) <= FEW_OPERATIONS else _MANY
    try:
        return arithmetic.value(node)
    except (_NotExact, ZeroDivisionError):
        return None


def _operations(node: Node) -> int:
    return 1 + sum(map(_operations, node.operands)) if isinstance(node, Operation) else 0


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


class _Arithmetic:
    """The operations, on fractions of at most ``max_bits`` above and below the line."""

    def __init__(self, max_bits: int) -> None:
        self._max_bits = max_bits
        self._functions: dict[str, Callable[..., Fraction]] = {
            "+": self._sum,
            "*": self._product,
            "-": lambda value: -value,
            "/": lambda value: 1 / value,
            "^": self._raise,
            "root": lambda value, degree: self._raise(value, 1 / degree),
            "!": self._factorial,
            "binom": self._binomial,
            "abs": Fraction.__abs__,
            "floor": lambda value: Fraction(math.floor(value)),
            "ceil": lambda value: Fraction(math.ceil(value)),
            "max": lambda *values: max(values),
            "min": lambda *values: min(values),
            "gcd": self._whole(math.gcd),
            "lcm": self._whole(math.lcm),
        }

    def value(self, node: Node) -> Fraction:
        if isinstance(node, Fraction):
            return self._bounded(node)
        if isinstance(node, str) or node.function not in self._functions:
            raise _NotExact
        return self._functions[node.function](*map(self.value, node.operands))

    def _bounded(self, value: Fraction) -> Fraction:
        if _bits(value) > self._max_bits:
            raise _NotExact
        return value

    def _sum(self, first: Fraction, *others: Fraction) -> Fraction:
        for other in others:
            first = self._bounded(first + other)
        return first

    def _product(self, first: Fraction, *others: Fraction) -> Fraction:
        for other in others:
            first = self._bounded(first * other)
        return first

    def _raise(self, base: Fraction, exponent: Fraction) -> Fraction:
        if base in (0, 1, -1) and exponent.denominator == 1:
            if base == 0 and exponent <= 0:
                raise _NotExact
            return base ** (2 + exponent.numerator % 2)
        degree = exponent.denominator
        is_out = degree > MAX_DEGREE or _bits(base) * abs(exponent.numerator) > self._max_bits
        if is_out or (base < 0 and degree > 1):
            raise _NotExact
        value = base**exponent.numerator
        return value if degree == 1 else Fraction(_root(value.numerator, degree), _root(value.denominator, degree))

    def _whole(self, function: Callable[..., int]) -> Callable[..., Fraction]:
        def of_whole(*values: Fraction) -> Fraction:
            if any(value.denominator > 1 for value in values):
                raise _NotExact
            return self._bounded(Fraction(function(*(value.numerator for value in values))))

        return of_whole

    def _factorial(self, value: Fraction) -> Fraction:
        if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
            raise _NotExact
        return self._bounded(Fraction(math.factorial(value.numerator)))

    def _binomial(self, above: Fraction, below: Fraction) -> Fraction:
        if above.denominator != 1 or below.denominator != 1 or below < 0 or not 0 <= above <= 2 * MAX_FACTORIAL:
            raise _NotExact
        return Fraction(math.comb(above.numerator, below.numerator))


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


_FEW, _MANY = _Arithmetic(MAX_BITS), _Arithmetic(MAX_BITS_OF_MANY)
