r"""Comparison by value: two algebraic expressions, evaluated with 50 digits at the same points.

Less than a millisecond in this process, where the symbolic stage takes tens of them in another. It says nothing of
what `expressions` does not read, of values past the bounds, or of digits that cancel.
"""

import itertools
import re
from fractions import Fraction
from functools import lru_cache

from dgpo.verifier.arithmetic import exact_value
from dgpo.verifier.ascii_math import to_latex
from dgpo.verifier.evaluation import value_at
from dgpo.verifier.expressions import CONSTANTS, leaves, parse
from dgpo.verifier.grading import EXACT_TOLERANCE, POINTS, POSITIVE_POINTS, Side, coordinate, same_value
from dgpo.verifier.normalise import plain
from dgpo.verifier.numeric import split_unit
from dgpo.verifier.units import same_unit

_INFINITE = re.compile(r"[+-]? ?\\infty")
_PER_CENT_OF = re.compile(r"(\d+(?:\.\d+)?)%")
_WORD = re.compile(r"[A-Za-z]{4}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_CALLED = "(?!(?:arc)?(?:sin|cos|tan|cot|sec|csc)|log|ln|lg|exp|sqrt|max|min|gcd|lcm|mod|choose|root|det|inf|sup|lim)"
_PROSE = re.compile(
    rf"\d ?(?<![A-Za-z\\]){_CALLED}[A-DF-Za-df-wyz][A-Za-z]* ?\d"  # 4 R 1, 2h30, but 2e5 and 3x10
    rf"|(?<![A-Za-z\\]){_CALLED}(?:[A-Za-z]{{2,}} \d|[A-Za-z][a-z]{{3,}}(?![A-Za-z])(?! ?[({{\\]))"  # on 3, team A
    r"|(?<=[\w)}] )(?:to|on|of|by|in|is|at|or) "  # A to B
)
_ANY_LOGARITHM = re.compile(r"\\log(?! ?_)(?![A-Za-z])")


def equal_by_value(gold: str, answer: str) -> bool | None:
    r"""Whether two cleaned LaTeX expressions have the same value, or None where that is not known.

    ``\log`` without a base is decimal or natural, on both sides the same. ``C`` may stand for ``c``, unless one side
    has a letter in both cases. Two equations are equal where one is a multiple of the other; any other two are open.
    """
    if "=" in gold and "=" in answer:
        return True if _is_multiple(_as_zero(gold), _as_zero(answer)) else None
    if "\\text" in gold + answer or "\\mathrm" in gold + answer:
        (gold, unit), (answer, other) = split_unit(gold), split_unit(answer)
        if unit and other and not same_unit(unit, other):
            return False
    if "%" in gold or "%" in answer:
        return _equal_per_cent(gold, answer)
    return _equal_at(gold, answer)


def _equal_per_cent(gold: str, answer: str) -> bool | None:
    r"""``\sqrt{2}%`` is as well ``\sqrt{2}`` as a hundredth of it where the other side has no sign."""
    (gold, gold_sign), (answer, answer_sign) = map(_without_percent, (gold, answer))
    scales = {0: [1], 1: [1, Fraction(1, 100)], -1: [1, Fraction(100)]}[answer_sign - gold_sign]
    verdicts = [_equal_at(gold, answer, Fraction(scale)) for scale in scales]
    return True if True in verdicts else None if None in verdicts else False


def _without_percent(text: str) -> tuple[str, bool]:
    r"""``text`` without the sign at its end, and whether there is one; ``50% x`` is ``\frac{50}{100} x``."""
    value = text.rstrip().removesuffix("%")
    return _PER_CENT_OF.sub(r"\\frac{\1}{100} ", value), value != text.rstrip()


def _equal_at(gold: str, answer: str, scale: Fraction = Fraction(1)) -> bool | None:
    wanted, given = _read(gold), _read(answer)
    if not wanted or not given:
        both = (gold, answer)
        if any(map(_is_number, both)) and any(map(_is_no_number, both)):
            return False
        return _tokens(gold) == _tokens(answer) if any(map(_is_prose, both)) else None
    log_bases = (10, "e") if _ANY_LOGARITHM.search(gold + answer) else (10,)
    cases = (False, True) if _case_alone_may_differ(wanted.names, given.names) else (False,)
    same = None
    for log_base, ignores_case in itertools.product(log_bases, cases):
        wanted, given = _read(gold, log_base, ignores_case), _read(answer, log_base, ignores_case)
        same = same_value(wanted, given, scale) if wanted and given else None
        if same is not False:
            break
    return same


def _is_no_number(text: str) -> bool:
    """Whether it is infinite, or words without LaTeX."""
    return bool(_INFINITE.fullmatch(text)) or (bool(_WORD.search(text)) and not set("\\=") & set(plain(text)))


def _is_prose(text: str) -> bool:
    """Whether it has words, or a number behind a letter, which a grammar of products would multiply."""
    return "\\begin" not in text and bool(_PROSE.search(_COMMAND.sub("\\\\", plain(text))))


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+|[^a-z\d\s]", plain(text).lower())


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
    spelling = {name: name.lower() if ignores_case else name for name in names}
    return Side(
        names=frozenset(spelling.values()),
        values=tuple(
            value_at(node, {name: coordinate(spelling[name], index) for name in names}, log_base)
            for index in range(POINTS if names else 1)
        ),
        is_integer=exact is not None and exact.denominator == 1,
        is_decimal="." in text,
        has_modulus="|" in text,
    )
