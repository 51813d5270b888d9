"""Are two LaTeX expressions equal? What a worker process runs: math-verify's parser and our own test by value.

Both sides are evaluated with 30 digits, constants once and expressions with variables at several points. That is
faster than simplification, and it sees the difference between 2^-98 and 2^-99, which math-verify's absolute
tolerances do not. What has no value (equations, sets, integrals) is left to math-verify.

Imports nothing of dgpo, so that the worker starts quickly.
"""

import functools
import random
from collections.abc import Iterator
from typing import Any

DIGITS = 30
EXACT_TOLERANCE = 1e-20
INTEGER_TOLERANCE = 1e-12
"""For an integer gold and a decimal answer: the digits of a float."""
DECIMAL_TOLERANCE = 1.01e-6
SMALLEST = 1e-300
"""What the values are compared with where both are 0."""
POSITIVE_POINTS = 3
SIGNED_POINTS = 3


def grade(gold: str, answer: str) -> str:
    """Equality of two LaTeX expressions: match, mismatch, unparsed (the answer) or bad_gold."""
    from math_verify import verify

    parsed_gold = _parse(gold)
    if not parsed_gold:
        return "bad_gold"
    parsed_answer = _parse(answer)
    if not parsed_answer:
        return "unparsed"
    wanted, given = _with_imaginary_unit(parsed_gold[0]), _with_imaginary_unit(parsed_answer[0])
    same = equal_by_value(wanted, given, has_percent="%" in gold + answer)
    if same is None:
        same = verify(parsed_gold, parsed_answer, timeout_seconds=None)
    return "match" if same else "mismatch"


def equal_by_value(gold: Any, answer: Any, has_percent: bool = False) -> bool | None:
    r"""Whether two sympy expressions have the same value, or None where that does not tell.

    None also for two that agree where all variables are positive and nowhere else (``\sqrt{x^2}`` and ``x``). A
    point where only one side is real says nothing (``x^{2/3}`` and ``\sqrt[3]{x^2}``), unless a modulus is there to
    make it real (``\ln|x|`` and ``\ln x``). With a per cent sign on either side, a factor of 100 is allowed.
    """
    from sympy import Abs, Derivative, Expr, Float, Integral, Limit, MatrixExpr, Product, Sum

    both = (gold, answer)
    if not all(isinstance(side, Expr) and not isinstance(side, MatrixExpr) for side in both):
        return None
    names = sorted({symbol.name for side in both for symbol in side.free_symbols})
    if any(side.has(Sum, Product, Integral, Limit, Derivative) for side in both):
        if names:
            return None
        gold, answer = gold.doit(), answer.doit()
    tolerance = EXACT_TOLERANCE
    if any(side.has(Float) for side in both):
        tolerance = INTEGER_TOLERANCE if gold.is_Integer else DECIMAL_TOLERANCE
    values = list(_values(gold, answer, names, real_only=not any(side.has(Abs) for side in both)))
    if len(values) < (2 if names else 1):
        return None
    verdicts = [_agree(values, scale, tolerance) for scale in ((1, 100, 0.01) if has_percent else (1,))]
    return True if True in verdicts else None if None in verdicts else False


def _agree(values: list[tuple[bool, Any, Any]], scale: float, tolerance: float) -> bool | None:
    """Whether gold and ``scale`` times answer are close at all points; None if at the positive ones alone."""
    positive, signed = [], []
    for is_positive, wanted, given in values:
        is_close = abs(wanted - scale * given) <= tolerance * max(abs(wanted), abs(scale * given), SMALLEST)
        (positive if is_positive else signed).append(is_close)
    return all(signed) or None if all(positive) else False


def _values(gold: Any, answer: Any, names: list[str], real_only: bool) -> Iterator[tuple[bool, Any, Any]]:
    """Both values at each point where both have one, and whether all variables are positive there."""
    from sympy import Rational

    generator = random.Random(1729)
    for index in range(POSITIVE_POINTS + SIGNED_POINTS if names else 1):
        is_positive = index < POSITIVE_POINTS
        point = {}
        for name in names:
            value = Rational(generator.randrange(101, 997), 211)
            point[name] = value if is_positive or generator.random() < 0.3 else -value
        wanted, given = _value(gold, point), _value(answer, point)
        if wanted is None or given is None:
            continue
        if is_positive or not real_only or bool(wanted.is_real) == bool(given.is_real):
            yield is_positive, wanted, given


def _value(expression: Any, point: dict[str, Any]) -> Any:
    value = expression.subs({symbol: point[symbol.name] for symbol in expression.free_symbols}).evalf(DIGITS)
    real, imaginary = value.as_real_imag()
    return value if real.is_Number and imaginary.is_Number and value.is_finite else None


def _with_imaginary_unit(expression: Any) -> Any:
    """Its ``i`` as the imaginary unit, except where ``i`` counts the terms of a sum."""
    from sympy import Expr, I, Product, Sum

    if not isinstance(expression, Expr) or expression.has(Sum, Product):
        return expression
    return expression.subs({symbol: I for symbol in expression.free_symbols if symbol.name == "i"})  # pyright: ignore


@functools.lru_cache(maxsize=256)
def _parse(latex: str) -> list:
    """The expressions in ``latex``. Its LaTeX grammar alone: math-verify's plain path ends in Python's eval.

    SIGALRM timeouts are off: the pool keeps the clock.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    plain = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all", equations=False
    )
    config = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=plain)]
    boxed = f"\\boxed{{{latex}}}"
    return parse(boxed, config, fallback_mode="no_fallback", parsing_timeout=None)  # pyright: ignore[reportArgumentType]
