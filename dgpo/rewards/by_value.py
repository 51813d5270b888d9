r"""Comparison by value: two algebraic expressions, evaluated with 50 digits at the same points.

Less than a millisecond in this process, where the symbolic stage takes tens of them in another. It says nothing of
what `expressions` does not read, of values past the bounds, or of digits that cancel.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mpmath import MPContext

from dgpo.rewards.arithmetic import exact_value
from dgpo.rewards.ascii_math import to_latex
from dgpo.rewards.expressions import CONSTANTS, Node, leaves, parse
from dgpo.rewards.grading import EXACT_TOLERANCE, POINTS, POSITIVE_POINTS, Side, coordinate, same_value
from dgpo.rewards.normalise import plain

DIGITS = 50
MAX_BITS = 1000
"""A value beyond 2**1000, or closer to 0 than its inverse, is not computed."""
CANCELLED_BITS = 60
"""A value that is smaller by so many bits than what it was computed from has lost the digits that decide."""
MAX_FACTORIAL = 1000
_INFINITE = re.compile(r"[+-]? ?\\infty")
_WORD = re.compile(r"[A-Za-z]{4}")
_ANY_LOGARITHM = re.compile(r"\\log(?! ?_)(?![A-Za-z])")

_numbers: Any = MPContext()
_numbers.dps = DIGITS  # set once: a context whose precision changes is not for several threads
_decimal = Context(prec=DIGITS + 10)


class _NoValue(Exception):
    """Division by zero, or a value past the bounds."""


def equal_by_value(gold: str, answer: str) -> bool | None:
    r"""Whether two cleaned LaTeX expressions have the same value, or None where that is not known.

    ``\log`` without a base is decimal or natural, on both sides the same. ``C`` may stand for ``c``, unless one side
    has a letter in both cases. Two equations are equal where one is a multiple of the other; any other two are open.
    """
    if "=" in gold and "=" in answer:
        return True if _is_multiple(_as_zero(gold), _as_zero(answer)) else None
    wanted, given = _read(gold), _read(answer)
    if not wanted or not given:
        both = (gold, answer)
        return False if any(map(_is_number, both)) and any(map(_is_no_number, both)) else None
    log_bases = (10, "e") if _ANY_LOGARITHM.search(gold + answer) else (10,)
    cases = (False, True) if _case_alone_may_differ(wanted.names, given.names) else (False,)
    same = None
    for log_base, ignores_case in itertools.product(log_bases, cases):
        wanted, given = _read(gold, log_base, ignores_case), _read(answer, log_base, ignores_case)
        same = same_value(wanted, given) if wanted and given else None
        if same is not False:
            break
    return same


def _is_no_number(text: str) -> bool:
    """Whether it is infinite, or words without LaTeX."""
    return bool(_INFINITE.fullmatch(text)) or (bool(_WORD.search(text)) and not set("\\=") & set(plain(text)))


def _is_number(text: str) -> bool:
    side = _read(text)
    return side is not None and not side.names and side.values[0] is not None


def _as_zero(equation: str) -> Side | None:
    """Left side less right side."""
    left, equals, right = equation.partition("=")
    return _read(f"({left})-({right})") if equals else None


def _is_multiple(gold: Side | None, answer: Side | None) -> bool:
    if not gold or not answer or not gold.names or gold.names != answer.names:
        return False
    pairs = [
        (wanted[0], given[0]) for wanted, given in zip(gold.values, answer.values, strict=True) if wanted and given
    ]
    if len(pairs) < POSITIVE_POINTS or not all(given for _, given in pairs):
        return False
    factor = pairs[0][0] / pairs[0][1]
    return all(abs(wanted - factor * given) <= EXACT_TOLERANCE * abs(wanted) for wanted, given in pairs)


def _case_alone_may_differ(*sides: frozenset[str]) -> bool:
    folded = [{name.lower() for name in names} for names in sides]
    return sides[0] != sides[1] and folded[0] == folded[1] and [*map(len, sides)] == [*map(len, folded)]


@lru_cache(maxsize=4096)  # the answers to one problem repeat each other, and each part of a list meets all others
def _read(text: str, log_base: int | str = 10, ignores_case: bool = False) -> Side | None:
    node = parse(to_latex(text))
    if node is None:
        return None
    names = frozenset(leaf for leaf in leaves(node) if isinstance(leaf, str)) - CONSTANTS
    exact = None if names else exact_value(node)
    base = _numbers.e if log_base == "e" else _numbers.mpf(log_base)
    spelling = {name: name.lower() if ignores_case else name for name in names}
    functions = {**_FUNCTIONS, "log": lambda value, given=base: _bounded(_log(value) / _log(given))}
    return Side(
        names=frozenset(spelling.values()),
        values=tuple(
            _value_at({name: _number(coordinate(spelling[name], index)) for name in names}, node, functions)
            for index in range(POINTS if names else 1)
        ),
        is_integer=exact is not None and exact.denominator == 1,
        is_decimal="." in text,
        has_modulus="|" in text,
    )


def _value_at(
    point: Mapping[str, Any], node: Node, functions: Mapping[str, Callable[..., Any]]
) -> tuple[Any, bool] | None:
    def value(node: Node) -> Any:
        if isinstance(node, Fraction):
            return _bounded(_number(node))
        if isinstance(node, str):
            return _CONSTANTS[node] if node in _CONSTANTS else point[node]
        return functions[node.function](*map(value, node.operands))

    try:
        number = _numbers.mpmathify(value(node))
    except (_NoValue, ZeroDivisionError):
        return None
    is_real = not number.imag or _numbers.mag(number.imag) < _numbers.mag(number) - 2 * CANCELLED_BITS
    return number, is_real


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
    return _bounded(_kept(sum(terms[1:], terms[0]), *terms))


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
    is_quick = not base or _numbers.isint(2 * exponent)
    return _bounded(base**exponent if is_quick else _numbers.exp(exponent * _ln(base)))


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


def _exp(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``function``, of arguments whose exponential is within the bounds."""

    def bounded(value: Any) -> Any:
        if value and _numbers.mag(value) > 9:
            raise _NoValue
        return _kept(function(value), _numbers.mpf(1)) if value else function(value)

    return bounded


def _circular(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A trigonometric function or its inverse. A zero of it, which is no more than what rounding left, is no value."""

    def bounded(value: Any) -> Any:
        return _bounded(_kept(function(value), _numbers.mpf(1))) if value else function(value)

    return bounded


def _factorial(value: Any) -> Any:
    if value.imag or value.real > MAX_FACTORIAL or (value.real < 0 and value == _numbers.floor(value.real)):
        raise _NoValue
    return _bounded(_numbers.factorial(value))


def _binomial(above: Any, below: Any) -> Any:
    if above.imag or below.imag or not 0 <= below.real <= above.real <= MAX_FACTORIAL:
        raise _NoValue
    return _bounded(_factorial(above) / _factorial(below) / _factorial(above - below))


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
    "sin": _sin,
    "cos": _cos,
    "tan": lambda value: _sin(value) / _cos(value),
    "cot": lambda value: _cos(value) / _sin(value),
    "sec": lambda value: 1 / _cos(value),
    "csc": lambda value: 1 / _sin(value),
    **{f"arc{name}": _circular(getattr(_numbers, f"a{name}")) for name in ("sin", "cos", "tan")},
    **{name: _exp(getattr(_numbers, name)) for name in ("exp", "sinh", "cosh", "tanh")},
    "ln": _log,
    "lg": lambda value: _log(value) / _log(_numbers.mpf(10)),
}
