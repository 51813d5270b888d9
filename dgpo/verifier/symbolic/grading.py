"""Asks math-verify, in a worker process, whether two LaTeX expressions are equal that no tree decides.

Imports nothing of dgpo, so that the worker starts quickly.
"""

import functools
import re
from typing import Any

_LETTER = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
_PRODUCT = re.compile(r"(?<![\w.^])\d[\d.]*(?=\s*\()|\)(?=\s*(?:[\d(]|\\d?frac))")


def grade(gold: str, answer: str) -> str:
    """Equality of two LaTeX expressions: match, mismatch, unparsed (the answer) or bad_gold.

    Raises MemoryError, and what sympy raises, where a number cannot be evaluated.
    """
    from math_verify import verify

    gold, answer = _cases_apart(*(side.rstrip().removesuffix(r"\%") for side in (gold, answer)))
    parsed_gold = _parse(gold)
    if not parsed_gold:
        return "bad_gold"
    parsed_answer = _parse(answer)
    if not parsed_answer:
        return "unparsed"
    for side in (parsed_gold[0], parsed_answer[0]):
        _evaluate(side)
    return "match" if verify(parsed_gold, parsed_answer, timeout_seconds=None) else "mismatch"


def _evaluate(expression: Any) -> None:
    """Raises MemoryError for a number that takes all memory: math-verify would catch it and go on."""
    from sympy import Expr, Integral, Limit, MatrixExpr, Product, Sum

    is_number = isinstance(expression, Expr) and not expression.free_symbols
    if is_number and not isinstance(expression, MatrixExpr) and not expression.has(Integral, Limit, Product, Sum):
        expression.evalf()


def _cases_apart(gold: str, answer: str) -> tuple[str, str]:
    """``T`` as ``t_{99}`` where one side has ``t`` too: math-verify's grammar knows no upper case."""
    sides = [set(_LETTER.findall(side)) for side in (gold, answer)]
    both = [letter for side in sides for letter in side if letter.isupper() and letter.lower() in side]
    if not both:
        return gold, answer
    upper = re.compile(rf"(?<![A-Za-z\\])[{''.join(both)}](?![A-Za-z_{{])")
    gold, answer = (upper.sub(lambda found: f"{found.group().lower()}_{{99}}", side) for side in (gold, answer))
    return gold, answer


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
