"""Evaluates an expression at a point, with many digits."""

import math
import random
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import reduce
from typing import Any

from mpmath import MPContext

from dgpo.verifier.expressions.arithmetic import expanded
from dgpo.verifier.expressions.tree import SERIES, Node, Opaque, subtrees

INVERTED = ("sin", "cos", "tan", "sec", "csc", "sinh", "cosh", "tanh", "sech", "csch", "coth")
_EXPONENTIAL = ("exp", "sinh", "cosh", "sech", "csch")


class _NoValue(Exception):
    """There is no value, or it is past the bounds, or rounding has left too few of its digits."""


class Evaluator:
    """Evaluates with so many digits.

    Attributes:
        tolerance: The relative difference up to which two values count as equal.
    """

    def __init__(self, digits: int) -> None:
        self.tolerance = Fraction(1, 10 ** (2 * digits // 5))
        # A sum that is smaller by so many bits than its terms has lost its digits. A term that is smaller by so many
        # than the sum has no effect on it, so that different sums may look the same.
        self._cancelled = 6 * digits // 5
        # No value may exceed 2 to this power, nor be closer to 0 than its inverse; no factorial of a larger number.
        self._max_bits = 20 * digits
        self.numbers: Any = MPContext()
        self.numbers.dps = digits  # set once: a context whose precision changes is not for several threads
        self._decimal = Context(prec=digits + 10)
        # An argument of more bits has no effect on its arctangent, nor one so close to 0 on its cosine.
        self._max_argument = self._cancelled // 2
        self._rounding = 10.0 ** (12 - min(digits, 300))
        numbers = self.numbers
        self._constants = {"pi": +numbers.pi, "e": +numbers.e, "i": numbers.mpc(0, 1), "infinity": numbers.inf}
        self._ten = numbers.mpf(10)
        self._functions = self._function_table()

    def _function_table(self) -> dict[str, Callable[..., Any]]:
        """What each operation of a tree computes."""
        numbers = self.numbers
        sin, cos = self._analytic(numbers.sin), self._analytic(numbers.cos)
        return {
            "+": self._sum,
            "*": self._product,
            "-": lambda value: -value,
            "/": lambda value: 1 / value,
            "^": self._power,
            "root": lambda value, degree: self._power(value, 1 / degree),
            "!": self._factorial,
            "!!": lambda value: self._bounded(numbers.fac2(_real(value))),
            "Gamma": lambda value: self._factorial(value - 1),
            "zeta": self._analytic(numbers.zeta, largest=3),
            "binom": self._binomial,
            "abs": abs,
            "floor": self._step(numbers.floor),
            "ceil": self._step(numbers.ceil),
            "max": lambda *values: max(map(_real, values)),
            "min": lambda *values: min(map(_real, values)),
            "gcd": self._whole(math.gcd),
            "lcm": self._whole(math.lcm),
            "sin": sin,
            "cos": cos,
            "tan": lambda value: sin(value) / cos(value),
            "cot": lambda value: cos(value) / sin(value),
            "sec": lambda value: 1 / cos(value),
            "csc": lambda value: 1 / sin(value),
            "cis": self._analytic(numbers.expj),
            **{f"arc{name}": self._analytic(getattr(numbers, f"a{name}")) for name in INVERTED},
            "arccot": lambda value: numbers.pi / 2 - self._analytic(numbers.atan)(value),
            **{name: self._analytic(getattr(numbers, name), largest=9) for name in _EXPONENTIAL},
            **{name: self._analytic(getattr(numbers, name), largest=4) for name in ("tanh", "coth")},
            "ln": self._log,
            "lg": lambda value: self._log(value) / self._log(self._ten),
            "log": lambda value, base=self._ten: self._bounded(self._log(value) / self._log(base)),
        }

    def value_at(self, node: Node, point: Mapping[str, Fraction]) -> tuple[Any, bool] | None:
        r"""The value of ``node`` where its variables are at ``point``, and whether the real domain reaches there.

        The domain ends where a step leaves the real numbers (``\sqrt{x}`` at -1), unless ``i`` takes part. An odd root
        of a negative number is real, other powers have their principal value.

        Returns:
            None where there is no value: at a pole, past the bounds, or when the digits of a sum cancel.
        """
        is_real = True

        def value(node: Node) -> Any:
            nonlocal is_real
            if isinstance(node, Fraction):
                return self._bounded(self._number(node))
            if isinstance(node, str):
                return self._constants[node] if node in self._constants else self._number(point[node])
            if isinstance(node, Opaque):
                raise _NoValue
            if node.function in SERIES:
                return value(expanded(node, *(_real(value(end)) for end in node.operands[2:])))
            if node.function == "call":
                return self._called(str(node.operands[0]), value(node.operands[1]))
            result = self._functions[node.function](*map(value, node.operands))
            is_real = is_real and not result.imag
            return result

        try:
            number = value(node)
        except (_NoValue, ArithmeticError, ValueError):  # mpmath raises either at a pole
            return None
        return number, is_real or "i" in subtrees(node)

    def _called(self, name: str, argument: Any) -> Any:
        """A value of an unknown function, which depends on its name and its argument alone."""
        seed = random.Random(name)
        slope, shift = (self.numbers.mpf(seed.randrange(101, 997)) / 211 for _ in range(2))
        return self._bounded(argument * slope + self.numbers.sin(argument + shift))

    def _number(self, fraction: Fraction) -> Any:
        number = self.numbers.mpf(fraction.numerator)
        return number if fraction.denominator == 1 else number / fraction.denominator

    def _bounded(self, value: Any) -> Any:
        if value and abs(self.numbers.mag(value)) > self._max_bits:
            raise _NoValue
        return value

    def _significant(self, value: Any, *terms: Any) -> Any:
        """``value``. Raises _NoValue where it is so much smaller than ``terms`` that only rounding is left."""
        mag = self.numbers.mag
        if mag(value) < max(map(mag, terms)) - self._cancelled:
            raise _NoValue
        return value

    def _sum(self, *terms: Any) -> Any:
        mag = self.numbers.mag
        value = self._significant(sum(terms[1:], terms[0]), *terms)
        if value and mag(value) > min(mag(term) for term in terms if term) + self._cancelled:
            raise _NoValue
        return self._bounded(value)

    def _product(self, *factors: Any) -> Any:
        return reduce(lambda value, factor: self._bounded(value * factor), factors)

    def _power(self, base: Any, exponent: Any) -> Any:
        mag = self.numbers.mag
        if not base and not exponent.real > 0:
            raise _NoValue
        if base and exponent and mag(exponent) + mag(mag(base) or 1) > self._max_bits.bit_length() + 2:
            raise _NoValue
        if not base or self.numbers.isint(2 * exponent):
            return self._bounded(base**exponent)
        if not base.imag and base.real < 0 and (numerator := self._over_odd(exponent)) is not None:
            return (-1) ** numerator * self._power(-base, exponent)
        logarithm = exponent * self._ln(base)
        if logarithm and mag(logarithm) < -self._cancelled:
            raise _NoValue
        return self._bounded(self.numbers.exp(logarithm))

    def _over_odd(self, exponent: Any) -> int | None:
        """2 of 2/3: the numerator where the denominator is odd and small, else None."""
        for denominator in (3, 5, 7, 9):
            numerator = self.numbers.nint((exponent * denominator).real)
            if abs(exponent * denominator - numerator) < 1e-45:
                return int(numerator)
        return None

    def _log(self, value: Any) -> Any:
        if not value:
            raise _NoValue
        return self._significant(self._ln(value), self.numbers.one) if value != 1 else self.numbers.zero

    def _ln(self, value: Any) -> Any:
        """The principal logarithm. mpmath's fills tables first, at 4 ms an entry; the decimal module's does not."""
        if value.imag:
            return self.numbers.ln(value)
        if value.real < 0:
            return self.numbers.mpc(self._ln(-value.real), self.numbers.pi)
        _, mantissa, exponent, _ = value.real._mpf_
        size = self._decimal.multiply(Decimal(int(mantissa)), self._decimal.power(2, exponent))
        return self.numbers.mpf(str(self._decimal.ln(size)))

    def _analytic(self, function: Callable[[Any], Any], largest: int | None = None) -> Callable[[Any], Any]:
        """``function`` with _NoValue for arguments beyond 2**``largest``, or so small that 1 would hide them.

        Also for a zero of a sine, which is no more than what rounding left.
        """
        most = self._max_argument if largest is None else largest

        def bounded(value: Any) -> Any:
            if value and not -self._max_argument <= self.numbers.mag(value) <= most:
                raise _NoValue
            return self._bounded(self._significant(function(value), self.numbers.one)) if value else function(value)

        return bounded

    def _factorial(self, value: Any) -> Any:
        if _real(value) > self._max_bits or (value.real < 0 and value == self.numbers.floor(value.real)):
            raise _NoValue
        return self._bounded(self.numbers.factorial(value))

    def _binomial(self, above: Any, below: Any) -> Any:
        if not 0 <= _real(below) <= _real(above) <= self._max_bits:
            raise _NoValue
        return self._bounded(self._factorial(above) / self._factorial(below) / self._factorial(above - below))

    def _step(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """``function``, floor or ceiling, with what is an integer but for rounding as that integer."""

        def stepped(value: Any) -> Any:
            nearest = self.numbers.nint(_real(value))
            is_nearly = abs(value.real - nearest) <= self._rounding * max(1, abs(nearest))
            return nearest if is_nearly else function(value.real)

        return stepped

    def _whole(self, function: Callable[..., int]) -> Callable[..., Any]:
        """``function`` with _NoValue for arguments that are no whole numbers."""

        def of_whole(*values: Any) -> Any:
            if not all(map(self.numbers.isint, map(_real, values))):
                raise _NoValue
            return self.numbers.mpf(function(*(int(value.real) for value in values)))

        return of_whole


def _real(value: Any) -> Any:
    if value.imag:
        raise _NoValue
    return value.real


COARSE, FINE = Evaluator(50), Evaluator(500)
