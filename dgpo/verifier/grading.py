"""Are two LaTeX expressions equal? What a worker process runs: math-verify's parser and our own test by value.

Both sides are evaluated with 30 digits, constants once and expressions with variables at several points. That is
faster than simplification, and it sees the difference between 2^-98 and 2^-99, which math-verify's absolute
tolerances do not. What has no value (equations, sets, integrals) is left to math-verify.

Imports nothing of dgpo, so that the worker starts quickly.
"""

import functools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

DIGITS = 30
MAX_DIGITS = 3000
"""With so many a difference is computed before it counts as none."""
EXACT_TOLERANCE = 1e-20
INTEGER_TOLERANCE = 1e-12
"""For an integer gold and a decimal answer: the digits of a float."""
DECIMAL_TOLERANCE = 1.01e-6
SMALLEST = 1e-300
"""What the values are compared with where both are 0."""
_LETTER = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
_PRODUCT = re.compile(r"(?<![\w.^])\d[\d.]*(?=\s*\()|\)(?=\s*(?:[\d(]|\\d?frac))")
COUNTERS = frozenset("ijklmnpqr")
"""In a floor or ceiling, these letters are whole numbers: ``\\lceil n/2 \\rceil`` is ``\\lfloor (n+1)/2 \\rfloor``."""
Coordinate = Callable[[str, int], Fraction]
"""Where a variable is, by its name, at a point, by its number."""
POINTS = 6
POSITIVE_POINTS = 3
"""At the first of the points all variables are positive."""


def grade(gold: str, answer: str) -> str:
    """Equality of two LaTeX expressions: match, mismatch, unparsed (the answer) or bad_gold."""
    from math_verify import verify

    gold, answer = _cases_apart(*(side.rstrip().removesuffix(r"\%") for side in (gold, answer)))
    parsed_gold = _parse(gold)
    if not parsed_gold:
        return "bad_gold"
    parsed_answer = _parse(answer)
    if not parsed_answer:
        return "unparsed"
    wanted, given = _with_imaginary_unit(parsed_gold[0]), _with_imaginary_unit(parsed_answer[0])
    same = equal_by_value(wanted, given)
    if same is None:
        same = verify(parsed_gold, parsed_answer, timeout_seconds=None)
    return "match" if same else "mismatch"


def equal_by_value(gold: Any, answer: Any) -> bool | None:
    """Whether two sympy expressions have the same value, or None where that does not tell (`same_value`)."""
    from sympy import Derivative, Expr, Integral, Limit, MatrixExpr, Product, Sum, ceiling, floor

    both = (gold, answer)
    if not all(isinstance(side, Expr) and not isinstance(side, MatrixExpr) for side in both):
        return None
    if any(side.has(Sum, Product, Integral, Limit, Derivative) for side in both):
        if gold.free_symbols or answer.free_symbols:
            return None
        gold, answer = gold.doit(), answer.doit()
    letters = {symbol.name for symbol in gold.free_symbols | answer.free_symbols}
    has_steps = bool(letters) and any(side.has(floor, ceiling) for side in both)
    kinds = ([whole] if letters <= COUNTERS else [coordinate, whole]) if has_steps else [coordinate]
    verdicts = [_same_at(gold, answer, kind) for kind in kinds]
    return False if False in verdicts else None if None in verdicts else True


def _same_at(gold: Any, answer: Any, at: Coordinate) -> bool | None:
    sides = _side(gold, at), _side(answer, at)
    same = same_value(*sides)
    is_exact = not any(side.is_decimal for side in sides)
    return False if same and is_exact and _has_a_difference(gold - answer, at) else same


@dataclass(frozen=True)
class Side:
    """An expression as `same_value` compares it.

    Attributes:
        names: Its variables.
        values: Its number and whether that is real (or ``i`` takes part), at each of `POINTS`, or once where there are
            no variables; None where it has none. A variable's value depends on the point and on its name alone.
        is_integer: Whether it is an integer, written exactly.
        is_decimal: Whether a decimal number takes part.
        has_modulus: Whether a modulus does.
    """

    names: frozenset[str]
    values: tuple[tuple[Any, bool] | None, ...]
    is_integer: bool
    is_decimal: bool
    has_modulus: bool


def same_value(gold: Side, answer: Side, scale: Fraction = Fraction(1)) -> bool | None:
    r"""Whether gold and ``scale`` times answer have the same value at all points, or None where that does not tell.

    None also for two that agree where all variables are positive and nowhere else (``\sqrt{x^2}`` and ``x``). A
    point where a side is not real says nothing (``\sqrt{xy}`` and ``\sqrt{x}\sqrt{y}``), unless a modulus is there to
    make it real (``\ln|x|`` and ``\ln x``).
    """
    tolerance = EXACT_TOLERANCE
    if gold.is_decimal or answer.is_decimal:
        tolerance = INTEGER_TOLERANCE if gold.is_integer else DECIMAL_TOLERANCE
    has_names = bool(gold.names or answer.names)
    real_only = not (gold.has_modulus or answer.has_modulus)
    pairs = zip(_at_points(gold, has_names), _at_points(answer, has_names), strict=True)
    values = [
        (index < POSITIVE_POINTS, wanted[0], given[0] * scale.numerator / scale.denominator)
        for index, (wanted, given) in enumerate(pairs)
        if wanted and given and (index < POSITIVE_POINTS or not real_only or (wanted[1] and given[1]))
    ]
    if len(values) < (2 if has_names else 1):
        return None
    return _agree(values, tolerance)


def _at_points(side: Side, has_names: bool) -> tuple[tuple[Any, bool] | None, ...]:
    return side.values * POINTS if has_names and not side.names else side.values


def _agree(values: list[tuple[bool, Any, Any]], tolerance: float) -> bool | None:
    """Whether gold and answer are close at all points; None if at the positive ones alone."""
    positive, signed = [], []
    for is_positive, wanted, given in values:
        is_close = abs(wanted - given) <= tolerance * max(abs(wanted), abs(given), SMALLEST)
        (positive if is_positive else signed).append(is_close)
    return all(signed) or None if all(positive) else False


def coordinate(name: str, index: int) -> Fraction:
    """Where a variable is at a point: positive at the first of them, mostly negative at the others."""
    generator = random.Random(f"{name} {index}")
    value = Fraction(generator.randrange(101, 997), 211)
    return value if index < POSITIVE_POINTS or generator.random() < 0.3 else -value


def whole(name: str, index: int) -> Fraction:
    """As `coordinate`, consecutive whole numbers: floor and ceiling differ there alone, or for even ones."""
    return Fraction(random.Random(name).randrange(1, 60) + index)


def _side(expression: Any, at: Coordinate) -> Side:
    from sympy import Abs, Float

    names = frozenset(symbol.name for symbol in expression.free_symbols)
    return Side(
        names,
        tuple(_value(expression, index, at) for index in range(POINTS if names else 1)),
        is_integer=bool(expression.is_Integer),
        is_decimal=expression.has(Float),
        has_modulus=expression.has(Abs),
    )


def _value(expression: Any, index: int, at: Coordinate) -> tuple[Any, bool] | None:
    from sympy import I

    value = _substituted(expression, index, at)
    real, imaginary = value.evalf(DIGITS).as_real_imag()
    if not (real.is_Number and imaginary.is_Number and real.is_finite and imaginary.is_finite):
        return None
    return value.evalf(DIGITS), imaginary == 0 or expression.has(I)


def _has_a_difference(difference: Any, at: Coordinate) -> bool:
    """Whether it is not 0, though both sides are far greater: ``2^{200}+1`` and ``2^{200}``, ``1+e^{-200}`` and 1."""
    value = _substituted(difference, 0, at).evalf(DIGITS, maxn=MAX_DIGITS)
    return value.is_Number and value != 0 and value._prec > 1


def _substituted(expression: Any, index: int, at: Coordinate) -> Any:
    from sympy import Rational

    point = {symbol: at(symbol.name, index) for symbol in expression.free_symbols}
    return expression.subs({symbol: Rational(value.numerator, value.denominator) for symbol, value in point.items()})


def _cases_apart(gold: str, answer: str) -> tuple[str, str]:
    """``T`` as ``t_{99}`` where one side has ``t`` too: math-verify's grammar knows no upper case."""
    sides = [set(_LETTER.findall(side)) for side in (gold, answer)]
    both = [letter for side in sides for letter in side if letter.isupper() and letter.lower() in side]
    if not both:
        return gold, answer
    upper = re.compile(rf"(?<![A-Za-z\\])[{''.join(both)}](?![A-Za-z_{{])")
    gold, answer = (upper.sub(lambda found: f"{found.group().lower()}_{{99}}", side) for side in (gold, answer))
    return gold, answer


def _with_imaginary_unit(expression: Any) -> Any:
    """Its ``i`` as the imaginary unit, except where ``i`` counts the terms of a sum."""
    from sympy import Expr, I, Product, Sum

    if not isinstance(expression, Expr) or expression.has(Sum, Product):
        return expression
    return expression.subs({symbol: I for symbol in expression.free_symbols if symbol.name == "i"})  # pyright: ignore


def _with_unknown_derivatives(expression: Any) -> Any:
    """``dy/dx`` as a variable: for sympy it is 0, as ``y`` does not contain ``x``."""
    from sympy import Basic, Derivative, Symbol

    if not isinstance(expression, Basic):
        return expression
    unknown = {
        found: Symbol(str(found)) for found in expression.atoms(Derivative) if not found.expr.has(*found.variables)
    }
    return expression.xreplace(unknown) if unknown else expression


@functools.lru_cache(maxsize=256)
def _parse(latex: str) -> list:
    """The expressions in ``latex``. Its LaTeX grammar alone: math-verify's plain path ends in Python's eval.

    The grammar takes ``(1)(3)`` for a mixed number, 1 + 3, so that products get a sign.
    SIGALRM timeouts are off: the pool keeps the clock.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    plain = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all", equations=False
    )
    config = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=plain)]
    products = _PRODUCT.sub(r"\g<0> \\cdot ", latex)
    parsed = parse(f"\\boxed{{{products}}}", config, fallback_mode="no_fallback", parsing_timeout=None)  # pyright: ignore[reportArgumentType]
    return [_with_unknown_derivatives(expression) for expression in parsed]
