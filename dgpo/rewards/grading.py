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
    """Whether two sympy expressions have the same value, or None where that does not tell.

    None also for expressions that agree at all positive points and not at the others (``\\sqrt{x^2}`` and ``x``).
    """
    from sympy import Derivative, Expr, Float, Integral, Limit, MatrixExpr, Product, Sum

    if not (isinstance(gold, Expr) and isinstance(answer, Expr)) or isinstance(gold, MatrixExpr):
        return None
    if isinstance(answer, MatrixExpr):
        return None
    names = sorted({symbol.name for symbol in gold.free_symbols | answer.free_symbols})  # pyright: ignore
    has_operator = gold.has(Sum, Product, Integral, Limit, Derivative) or answer.has(
        Sum, Product, Integral, Limit, Derivative
    )
    if has_operator and names:
        return None
    if has_operator:
        gold, answer = gold.doit(), answer.doit()
    tolerance = EXACT_TOLERANCE
    if gold.has(Float) or answer.has(Float):
        tolerance = INTEGER_TOLERANCE if gold.is_Integer else DECIMAL_TOLERANCE
    scales = (1, 100, 0.01) if has_percent else (1,)
    return any_scale(gold, answer, names, scales, tolerance)


def any_scale(gold: Any, answer: Any, names: list[str], scales: tuple[float, ...], tolerance: float) -> bool | None:
    """True if the two agree at all points for one of ``scales``, times which the answer is taken."""
    verdicts = []
    for scale in scales:
        agreements = [
            (is_positive, abs(wanted - scale * given) <= tolerance * max(abs(wanted), abs(scale * given), 1e-300))
            for is_positive, wanted, given in _values(gold, answer, names)
        ]
        if len(agreements) < (2 if names else 1):
            return None
        if all(agrees for _, agrees in agreements):
            return True if not names or any(not is_positive for is_positive, _ in agreements) else None
        verdicts.append(None if all(agrees for is_positive, agrees in agreements if is_positive) else False)
    return None if None in verdicts else False


def _values(gold: Any, answer: Any, names: list[str]) -> Iterator[tuple[bool, Any, Any]]:
    """Both values at each point where both have one, and whether all variables are positive there."""
    from sympy import Rational

    generator = random.Random(1729)
    count = POSITIVE_POINTS + SIGNED_POINTS if names else 1
    for index in range(count):
        is_positive = index < POSITIVE_POINTS
        point = {}
        for name in names:
            value = Rational(generator.randrange(101, 997), 211)
            point[name] = value if is_positive or generator.random() < 0.3 else -value
        wanted, given = _value(gold, point), _value(answer, point)
        if wanted is not None and given is not None:
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
