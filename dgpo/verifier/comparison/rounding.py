r"""Rounding: of an exact answer to a decimal ground truth, and of what stands before ``\approx`` to what follows."""

from fractions import Fraction
from itertools import pairwise

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import Answer, Region, Several, Value, names, renamed
from dgpo.verifier.expressions.values import real_value
from dgpo.verifier.text.tokens import Tokens

MIN_DIGITS = 3
"""Of a decimal ground truth that an exact answer may round to."""
MAX_PLACES = 60


def is_rounded(gold: Answer, answer: Answer) -> bool:
    r"""Whether a ground truth of three digits or more is the exact answer, rounded: 5.29 of ``2\sqrt{7}``.

    An answer that is a finite decimal itself need not be rounded, and is another number.
    """
    if not isinstance(gold, Value) or not isinstance(answer, Value):
        return False
    digits = [token for token in gold.tokens if not token.is_("sign", "+", "-")]
    if len(digits) != 1 or not digits[0].is_decimal:
        return False
    whole, _, decimals = digits[0].latex.partition(".")
    wanted, given, rational = exact(gold.node), real_value(answer.node), exact(answer.node)
    if wanted is None or wanted.denominator == 1 or given is None or len((whole + decimals).lstrip("0")) < MIN_DIGITS:
        return False
    if not decimals or (rational is not None and 10**MAX_PLACES % rational.denominator == 0):
        return False
    scale = 10 ** len(decimals)
    return bool(abs(given * scale - wanted.numerator * scale / wanted.denominator) <= 0.5)


def may_round(sides: list[Tokens]) -> bool:
    r"""Whether what follows ``\approx`` is near what it rounds, part by part: ``5 \approx 7`` is not."""
    parts = [_parts(read_answer(side)) for side in sides]
    return all(len(one) == len(two) and all(map(_is_near, one, two)) for one, two in pairwise(parts))


def _parts(tree: Answer) -> list[Answer]:
    """The values of a list or a tuple, and the ends of intervals; another answer alone."""
    if isinstance(tree, Region):
        return [end for piece in tree.pieces for end in (piece.low, piece.high)]
    return [part for item in tree.items for part in _parts(item)] if isinstance(tree, Several) else [tree]


def _is_near(side: Answer, rounded: Answer) -> bool:
    """Whether ``rounded`` may be ``side``, rounded or in another unit: no other integer, nor another formula of 3.4."""
    if not isinstance(side, Value) or not isinstance(rounded, Value) or side == rounded:
        return side == rounded
    letters = dict.fromkeys(names(side.node) & names(rounded.node), Fraction(17, 5))
    number, near = (real_value(renamed(part.node, letters)) for part in (side, rounded))
    if side.unit != rounded.unit or number is None or near is None:
        return side.unit != rounded.unit
    are_integers = not rounded.is_decimal and number % 1 == near % 1 == 0
    place = 10.0 ** -max((len(token.latex.partition(".")[2]) for token in rounded.tokens), default=0)
    return bool(number == near or (not are_integers and abs(number - near) < max(place, abs(number) / 20)))
