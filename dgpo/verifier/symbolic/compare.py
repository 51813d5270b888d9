"""The last stage: asks `grading` in a worker process, with limits on the expressions and a cache of outcomes."""

import re
from functools import lru_cache
from itertools import accumulate
from typing import cast

from dgpo.verifier.symbolic.pool import Budget, shared_pool
from dgpo.verifier.verdict import Reason

MAX_CHARS = 1000
MAX_DIGITS_IN_A_ROW = 300
MAX_DEPTH = 25
CACHE_SIZE = 10_000

_HEAVY = re.compile(
    rf"\d{{{MAX_DIGITS_IN_A_ROW + 1}}}"  # a number no problem asks for
    r"|\^ ?\{? ?[+-]? ?\d{5}"  # a power of 10000 or more
    r"|\d{4} ?[)}]* ?!|! ?[)}]* ?! ?[)}]* ?!"  # a factorial of 1000 or more, or one iterated three times
    r"|(?:\^[ {(]*[0-9A-Za-z]+[ ]*){3}|\^[ {(]*\d+ ?\^[ {(]*\d\d"  # a tower of three powers, or of two with such a top
)
_IGNORED = re.compile(r"'|\\prime|\\ldots|\\partial|\\nabla|\\(?:vec|overrightarrow|overline|bar|hat)(?![A-Za-z])")
"""Signs that math-verify's grammar ignores: both sides must have the same ones."""
_UNKNOWN_PRODUCT = re.compile(
    r"\\(?:vec|mathbf|nabla)(?![A-Za-z]).*\\times|(?<![A-Za-z])[A-Za-z] ?\^\{\\circ\} ?[A-Za-z]", re.DOTALL
)
"""Products of vectors or of functions (``f \\circ g``), which math-verify takes for those of numbers."""
_FIGURE = re.compile(r"\\(?:angle|triangle)(?![A-Za-z])")
"""Its grammar takes ``\\angle ABC`` for a product of numbers."""


@lru_cache(maxsize=CACHE_SIZE)
def _remembered(gold: str, answer: str) -> list[Reason]:
    """An empty list, which the caller fills with the outcome of the pair."""
    return []


def compare_symbolically(gold: str, answer: str, budget: Budget) -> tuple[Reason, bool]:
    """`grading.grade` of two LaTeX expressions, as the lexer spells them, and whether it was remembered.

    Starts the worker pool on the first need. Outcomes that say something of the pair are remembered;
    ``timeout`` and ``crash``, which may be the machine's doing, are not.
    """
    if too_heavy(gold) or too_heavy(answer):
        return "too_large", False
    both = (gold, answer)
    ignored = [sorted(_IGNORED.findall(side)) for side in both]
    if ignored[0] != ignored[1] or any(map(_UNKNOWN_PRODUCT.search, both)) or all(map(_FIGURE.search, both)):
        return "mismatch", False
    remembered = _remembered(gold.replace(" ", ""), answer.replace(" ", ""))
    if remembered:
        return remembered[0], True
    outcome = cast(Reason, shared_pool().grade(gold, answer, budget))
    if outcome not in ("timeout", "crash"):
        remembered.append(outcome)
    return outcome, False


def too_heavy(text: str) -> bool:
    """Whether the expression is past the bounds on length, depth, digits, powers or factorials."""
    if len(text) > MAX_CHARS or _HEAVY.search(text):
        return True
    steps = (1 if bracket in "{([" else -1 for bracket in re.findall(r"[{}()\[\]]", text))
    return max(accumulate(steps), default=0) > MAX_DEPTH
