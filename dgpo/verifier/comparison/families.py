r"""Sets of numbers with a constant step: ``\pi/4 + k\pi`` is ``5\pi/4 + n\pi``, ``\pm\pi/3 + 2k\pi`` are two of them,
and a residue of a modulus, ``3 \pmod 7``, is one.
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.regions import WHOLE, as_region
from dgpo.verifier.comparison import equations
from dgpo.verifier.comparison.forms import Declared
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.tree import Answer, Equation, Given, Node, Piece, Region, Several, Value, names, renamed

MAX_RESIDUES = 240


@dataclass(frozen=True, slots=True)
class Family:
    """The numbers ``start + k * step`` for all whole ``k``, times pi where ``has_pi``.

    Attributes:
        letter: What is written for ``k``, '' for a residue.
        is_named: They are the values of an unknown, ``x = 2k``.
        interval: Brackets and width of the intervals that begin at the numbers; none for the numbers alone.
    """

    step: Fraction
    start: Fraction
    has_pi: bool
    letter: str
    is_named: bool = False
    interval: tuple[str, Fraction] = ("", Fraction(0))


def same(gold: Answer, answer: Answer, declared: Declared) -> bool | None:
    """Whether two answers are the same set of numbers; None where one of them is no family, or not for all whole k.

    One side may leave out that its letter is a whole number, where a pi or a modulus makes that clear. With the same
    letter on both sides, or where both leave it out, they are formulas of a given number, unless they are values of an
    unknown (``x = 2k``).
    """
    are_declared = [isinstance(tree, Given) or _has_modulus(tree) for tree in (gold, answer)]
    if any({*said.values()} - {WHOLE} for said in declared):
        return None
    golds, answers = _families(gold), _families(answer)
    both = golds + answers
    if not golds or not answers or len({family.has_pi for family in both}) > 1:
        return None
    is_clear = golds[0].has_pi or _has_modulus(gold) or (golds[0].is_named and _has_modulus(answer))
    if not all(are_declared) and not is_clear:
        return None
    has_common = {family.letter for family in golds} & {family.letter for family in answers}
    if (has_common or not any(are_declared)) and not all(family.is_named for family in both):
        return None
    steps = [abs(family.step) for family in both]
    period = Fraction(math.lcm(*(step.numerator for step in steps)), math.gcd(*(step.denominator for step in steps)))
    if sum(period / step for step in steps) > MAX_RESIDUES:
        return None
    return _residues(golds, period) == _residues(answers, period)


def _families(tree: Answer, letters: Set[str] = COUNTERS, depth: int = 2) -> list[Family]:
    """The families whose union an answer is, with one of the ``letters`` for all whole numbers, behind names of names
    to a depth; none where a part of it is no family."""
    if isinstance(tree, Given):
        is_of_all = {*tree.conditions.values()} == {WHOLE}
        return _families(tree.value, COUNTERS | tree.conditions.keys(), depth) if is_of_all else []
    if isinstance(tree, Equation):
        name, value = equations.named_value(tree)
        is_unknown = name is not None and not name.index and name.argument is None
        return _named(_families(read_answer(value), letters, depth - 1)) if value and is_unknown and depth else []
    if isinstance(tree, Several) and (interval := as_region(tree)):
        tree = interval
    if isinstance(tree, Region):
        return _union([_of_interval(piece, letters) for piece in tree.pieces])
    if isinstance(tree, Several):
        found = _union([_families(item, letters, depth) for item in tree.items] if tree.brackets in ("", "{}") else [])
        return _named(found) if tree.name or tree.brackets else found
    return _of_value(tree, letters) if isinstance(tree, Value) else []


def _of_interval(piece: Piece, letters: Set[str]) -> list[Family]:
    r"""The family of ``(k\pi, k\pi + \frac{\pi}{2})``, intervals of one width; none for another interval."""
    ends = [_of_value(end, letters) for end in (piece.low, piece.high)]
    if [*map(len, ends)] != [1, 1]:
        return []
    (low,), (high,) = ends
    interval = (piece.brackets, high.start - low.start)
    is_named = low.has_pi or piece.brackets != "()"
    return [replace(low, interval=interval, is_named=is_named)] if low == replace(high, start=low.start) else []


def _union(parts: list[list[Family]]) -> list[Family]:
    return [family for part in parts for family in part] if all(parts) else []


def _named(families: list[Family]) -> list[Family]:
    return [replace(family, is_named=True) for family in families]


def _of_value(value: Value, letters: Set[str]) -> list[Family]:
    r"""The family of a value with one letter, or two by its parity: ``(-1)^k \pi/6 + k\pi``; none for other values."""
    if _has_modulus(value) and (start := exact(value.node)) is not None:
        return [Family(Fraction(value.unit.removeprefix("mod ")), start, False, "", is_named=True)]
    letter = "".join(names(value.node))
    if letter not in letters or value.unit not in ("", "degree"):
        return []
    has_degrees = bool(value.unit)
    found = [_family(value.node, letter, range(6), has_degrees)]
    if found == [None]:
        found = [_family(value.node, letter, range(first, 12, 2), has_degrees) for first in (0, 1)]
    return [family for family in found if family] if all(found) else []


def _family(node: Node, letter: str, counts: Sequence[int], has_degrees: bool) -> Family | None:
    """The family of ``node``, if it is linear in ``counts``, and a plain number or a multiple of pi throughout."""
    points = ((0, 1), (1, 1), (2, 1), (5, 1), (0, 2), (1, 2))
    numbers = [exact(renamed(node, {letter: Fraction(counts[at]), "pi": Fraction(pi)})) for at, pi in points]
    if None in numbers:
        return None
    start, second, third, sixth, *with_double_pi = (number for number in numbers if number is not None)
    step = second - start
    if not step or third != start + 2 * step or sixth != start + 5 * step:
        return None
    has_pi = with_double_pi != [start, second]
    if has_pi and with_double_pi != [2 * start, 2 * second]:
        return None
    scale = Fraction(1, 180) if has_degrees else Fraction(1)
    return Family(step * scale, start * scale, has_pi or has_degrees, letter)


def _has_modulus(tree: Answer) -> bool:
    if isinstance(tree, Several):
        return all(map(_has_modulus, tree.items))
    return isinstance(tree, Value) and tree.unit[:4] == "mod " and tree.unit[4:].lstrip("0").isdecimal()


def _residues(families: list[Family], period: Fraction) -> set[tuple[Fraction, tuple[str, Fraction]]]:
    return {
        ((family.start + count * family.step) % period, family.interval)
        for family in families
        for count in range(int(period / abs(family.step)))
    }
