r"""Exact value of arithmetic in LaTeX: ``\frac{3}{4}+\frac14``, ``2^{10}``, ``\binom{5}{2}``, ``5!``, ``\sqrt{16}``.

A recursive descent over a bounded list of tokens, in `Fraction`. No float, no eval; a value that is not rational,
or past the bounds, is None and left to the symbolic stage.
"""

import math
import re
from fractions import Fraction

MAX_CHARS = 1000
MAX_TOKENS = 200
MAX_DEPTH = 40
MAX_BITS = 8192
MAX_FACTORIAL = 500

_TOKEN = re.compile(
    r" ?(?:(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"|(?P<command>\\(?:frac|binom|sqrt))(?![A-Za-z])"
    r"|(?P<times>\\(?:times|cdot|ast)(?![A-Za-z])|\*(?!\*))|(?P<over>\\div(?![A-Za-z])|/)"
    r"|(?P<power>\^|\*\*)|(?P<sign>[+-])|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<factorial>!))"
)
_CLOSES = {"(": ")", "{": "}", "[": "]"}


class _NotExact(Exception):
    """The text is no arithmetic, or its value is not rational, or out of bounds."""


def evaluate(text: str) -> Fraction | None:
    """The rational value of the cleaned LaTeX ``text``, or None. Bounded in time and memory."""
    if len(text) > MAX_CHARS:
        return None
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.strip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found or len(tokens) == MAX_TOKENS or found.lastgroup is None:
            return None
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    try:
        parser = _Parser(tokens)
        value = parser.sum(0)
        return value if parser.at_end() else None
    except (_NotExact, ZeroDivisionError):
        return None


class _Parser:
    """sum := product ([+-] product)*; product := power ([*/] power | power)*; power := atom !* (^ exponent)."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise _NotExact
        value = self._product(depth)
        while self._kind() == "sign":
            sign = self._next()
            term = self._product(depth)
            value = _bounded(value + term if sign == "+" else value - term)
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while True:
            kind = self._kind()
            if kind == "times":
                self._next()
                value = _bounded(value * self._signed(depth))
            elif kind == "over":
                self._next()
                value = _bounded(value / self._signed(depth))
            elif kind == "command" or (kind == "open" and self._tokens[self._at][1] == "("):
                if self._tokens[self._at - 1][0] == "number" and self._tokens[self._at][1] == "\\frac":
                    raise _NotExact  # a mixed number, which is a sum
                value = _bounded(value * self._power(depth))
            else:
                return value

    def _signed(self, depth: int) -> Fraction:
        if self._kind() == "sign":
            if depth > MAX_DEPTH:
                raise _NotExact
            sign = self._next()
            value = self._signed(depth + 1)
            return value if sign == "+" else -value
        return self._power(depth)

    def _power(self, depth: int) -> Fraction:
        value = self._atom(depth)
        while self._kind() == "factorial":
            self._next()
            value = _factorial(value)
        if self._kind() != "power":
            return value
        self._next()
        return _raise(value, self._group(depth) if self._kind() == "open" else self._signed(depth + 1))

    def _atom(self, depth: int) -> Fraction:
        kind = self._kind()
        if kind == "number":
            return _bounded(Fraction(self._next().replace(",", "")))
        if kind == "open":
            return self._group(depth)
        if kind != "command":
            raise _NotExact
        command = self._next()
        if command == "\\sqrt":
            root = self._group(depth) if self._peek() == "[" else Fraction(2)
            return _raise(self._group(depth), 1 / root)
        first, second = self._group(depth), self._group(depth)
        return _bounded(first / second) if command == "\\frac" else _binomial(first, second)

    def _group(self, depth: int) -> Fraction:
        if self._kind() != "open":
            raise _NotExact
        close = _CLOSES[self._next()]
        value = self.sum(depth + 1)
        if self._peek() != close:
            raise _NotExact
        self._next()
        return value

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _bounded(value: Fraction) -> Fraction:
    if _bits(value) > MAX_BITS:
        raise _NotExact
    return value


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
