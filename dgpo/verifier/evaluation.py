"""The value of an expression (`expressions`) at a point, with 50 digits."""

import math
import random
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from mpmath import MPContext

from dgpo.verifier.nodes import Node, subtrees

DIGITS = 50
MAX_BITS = 1000
"""A value beyond 2**1000, or closer to 0 than its inverse, is not computed."""
CANCELLED_BITS = 60
"""A value that is smaller by so many bits than what it was computed from has lost the digits that decide. A term that
is smaller by so many than its sum is not seen in it, so that two sums may differ and look the same."""
MAX_ARGUMENT_BITS = CANCELLED_BITS // 2
"""Closer to 0 than 2**-30, an argument is not seen in its cosine, and beyond 2**30 not in its arctangent."""
MAX_GAMMA = 1000
"""Factorials of any number are values of the gamma function, here of no greater argument."""

_numbers: Any = MPContext()
_numbers.dps = DIGITS  # set once: a context whose precision changes is not for several threads
_decimal = Context(prec=DIGITS + 10)


class _NoValue(Exception):
    """A value past the bounds, or without the digits that decide."""


def value_at(node: Node, point: Mapping[str, Fraction]) -> tuple[Any, bool] | None:
    r"""The value of ``node`` where its variables are at ``point``, and whether the real domain reaches there.

    The domain ends where a step leaves the real numbers (``\sqrt{x}`` at -1), unless ``i`` takes part. An odd root of a
    negative number is real, other powers have their principal value.

    Returns:
        None where there is no value: at a pole, past the bounds, or when the digits of a sum cancel.
    """
    is_real = True

    def value(node: Node) -> Any:
        nonlocal is_real
        if isinstance(node, Fraction):
            return _bounded(_number(node))
        if isinstance(node, str):
            return _CONSTANTS[node] if node in _CONSTANTS else _number(point[node])
        operands = [value(operand) for operand in node.operands]
        if node.function == "call":
            return _called(str(node.operands[0]), operands[1])
        result = _FUNCTIONS[node.function](*operands)
        is_real = is_real and not result.imag
        return result

    try:
        number = value(node)
    except (_NoValue, ArithmeticError, ValueError):  # mpmath raises either at a pole
        return None
    return number, is_real or "i" in subtrees(node)


def _called(name: str, argument: Any) -> Any:
    """An unknown function: some number that depends on its name and its argument alone."""
    seed = random.Random(name)
    slope, shift = (_numbers.mpf(seed.randrange(101, 997)) / 211 for _ in range(2))
    return _bounded(argument * slope + _numbers.sin(argument + shift))


def _number(fraction: Fraction) -> Any:
    return _numbers.mpf(fraction.numerator) / fraction.denominator


def _bounded(value: Any) -> Any:
    if value and abs(_numbers.mag(value)) > MAX_BITS:
        raise _NoValue
    return value


def _kept(value: Any, *terms: Any) -> Any:
    """``value``, if it is not what rounding has left of ``terms``."""
    if _numbers.mag(value) < max(map(_numbers.mag, terms)) - CANCELLED_BITS:
        raise _NoValue
    return value


def _sum(*terms: Any) -> Any:
    value = _kept(sum(terms[1:], terms[0]), *terms)
    if value and _numbers.mag(value) > min(_numbers.mag(term) for term in terms if term) + CANCELLED_BITS:
        raise _NoValue
    return _bounded(value)


def _product(*factors: Any) -> Any:
    value = factors[0]
    for factor in factors[1:]:
        value = _bounded(value * factor)
    return value


def _power(base: Any, exponent: Any) -> Any:
    if not base and not exponent.real > 0:
        raise _NoValue
    if base and exponent and _numbers.mag(exponent) + _numbers.mag(_numbers.mag(base) or 1) > 12:
        raise _NoValue
    if not base or _numbers.isint(2 * exponent):
        return _bounded(base**exponent)
    if not base.imag and base.real < 0 and (numerator := _over_odd(exponent)) is not None:
        return (-1) ** numerator * _power(-base, exponent)
    logarithm = exponent * _ln(base)
    if logarithm and _numbers.mag(logarithm) < -CANCELLED_BITS:
        raise _NoValue
    return _bounded(_numbers.exp(logarithm))


def _over_odd(exponent: Any) -> int | None:
    """2 of 2/3: the numerator over a small odd denominator."""
    for denominator in (3, 5, 7, 9):
        numerator = _numbers.nint((exponent * denominator).real)
        if abs(exponent * denominator - numerator) < 10.0 ** (5 - DIGITS):
            return int(numerator)
    return None


def _log(value: Any) -> Any:
    if not value:
        raise _NoValue
    return _kept(_ln(value), _numbers.mpf(1)) if value != 1 else _numbers.zero


def _ln(value: Any) -> Any:
    """The principal logarithm. mpmath's fills tables first, at 4 ms an entry; the decimal module's is at once there."""
    if value.imag:
        return _numbers.ln(value)
    if value.real < 0:
        return _numbers.mpc(_ln(-value.real), _numbers.pi)
    _, mantissa, exponent, _ = value.real._mpf_
    logarithm = _decimal.ln(_decimal.multiply(Decimal(int(mantissa)), _decimal.power(2, exponent)))
    return _numbers.mpf(str(logarithm))


def _exp(function: Callable[[Any], Any], largest: int = 9) -> Callable[[Any], Any]:
    """``function``, of arguments below 2**``largest``, so that its value is within the bounds."""

    def bounded(value: Any) -> Any:
        if value and not -MAX_ARGUMENT_BITS <= _numbers.mag(value) <= largest:
            raise _NoValue
        return _kept(function(value), _numbers.mpf(1)) if value else function(value)

    return bounded


def _circular(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A trigonometric function or its inverse. A zero of it, which is no more than what rounding left, is no value."""

    def bounded(value: Any) -> Any:
        if value and abs(_numbers.mag(value)) > MAX_ARGUMENT_BITS:
            raise _NoValue
        return _bounded(_kept(function(value), _numbers.mpf(1))) if value else function(value)

    return bounded


def _factorial(value: Any) -> Any:
    if value.imag or value.real > MAX_GAMMA or (value.real < 0 and value == _numbers.floor(value.real)):
        raise _NoValue
    return _bounded(_numbers.factorial(value))


def _binomial(above: Any, below: Any) -> Any:
    if above.imag or below.imag or not 0 <= below.real <= above.real <= MAX_GAMMA:
        raise _NoValue
    return _bounded(_factorial(above) / _factorial(below) / _factorial(above - below))


def _step(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Floor or ceiling; what rounding left of an integer is that integer."""

    def stepped(value: Any) -> Any:
        if value.imag:
            raise _NoValue
        nearest = _numbers.nint(value.real)
        if abs(value.real - nearest) <= 10.0 ** (12 - DIGITS) * max(1, abs(nearest)):
            return nearest
        return function(value.real)

    return stepped


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(*values: Any) -> Any:
        if any(value.imag for value in values):
            raise _NoValue
        return choose(value.real for value in values)

    return chosen


def _whole(function: Callable[..., int]) -> Callable[..., Any]:
    """A function of whole numbers."""

    def of_whole(*values: Any) -> Any:
        if not all(_numbers.isint(value) and not value.imag for value in values):
            raise _NoValue
        return _numbers.mpf(function(*(int(value.real) for value in values)))

    return of_whole


_TEN = _numbers.mpf(10)
_sin, _cos = _circular(_numbers.sin), _circular(_numbers.cos)
_CONSTANTS = {"pi": +_numbers.pi, "e": +_numbers.e, "i": _numbers.mpc(0, 1)}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": _sum,
    "*": _product,
    "-": lambda value: -value,
    "/": lambda value: 1 / value,
    "^": _power,
    "root": lambda value, degree: _power(value, 1 / degree),
    "!": _factorial,
    "binom": _binomial,
    "abs": abs,
    "floor": _step(_numbers.floor),
    "ceil": _step(_numbers.ceil),
    "max": _extreme(max),
    "min": _extreme(min),
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "sin": _sin,
    "cos": _cos,
    "tan": lambda value: _sin(value) / _cos(value),
    "cot": lambda value: _cos(value) / _sin(value),
    "sec": lambda value: 1 / _cos(value),
    "csc": lambda value: 1 / _sin(value),
    "cis": _circular(_numbers.expj),
    **{f"arc{name}": _circular(getattr(_numbers, f"a{name}")) for name in ("sin", "cos", "tan")},
    **{name: _exp(getattr(_numbers, name)) for name in ("exp", "sinh", "cosh")},
    "tanh": _exp(_numbers.tanh, largest=4),
    "ln": _log,
    "lg": lambda value: _log(value) / _log(_TEN),
    "log": lambda value, base=_TEN: _bounded(_log(value) / _log(base)),
}
