r"""The values of an expression for all whole numbers: ``\pi/4 + k\pi`` is ``5\pi/4 + n\pi``, ``2k+1`` is ``2n-1``, and
``\pm\pi/3 + 2k\pi`` are two such families. Residues of a modulus are one.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from dgpo.verifier import policy
from dgpo.verifier.evaluation import COUNTERS
from dgpo.verifier.grammar import read_answer
from dgpo.verifier.tree import Answer, Equation, Given, Node, Several, Value, names, renamed
from dgpo.verifier.values import exact

MAX_RESIDUES = 240


@dataclass(frozen=True, slots=True)
class Family:
    """``start`` and every ``step`` from there, both in units of pi or not; ``letter`` is '' for a residue."""

    step: Fraction
    start: Fraction
    has_pi: bool
    letter: str
    is_named: bool = False


def same(gold: Answer, answer: Answer) -> bool | None:
    """Whether two answers are the same numbers for all whole ones; None where that is not what both are.

    One that does not say what its letter may be is taken at its word where a pi or a modulus makes it clear. Where both
    have the same letter, they may be formulas of a given number, unless they are values of a name (``x =``).
    """
    is_said = [isinstance(tree, Given) or _has_modulus(tree) for tree in (gold, answer)]
    if not any(is_said):
        return None
    one, two = _families(gold), _families(answer)
    if not one or not two or len({family.has_pi for family in one + two}) > 1:
        return None
    is_clear = one[0].has_pi or _has_modulus(gold) or (one[0].is_named and _has_modulus(answer))
    if not all(is_said) and not is_clear:
        return None
    has_common = {family.letter for family in one} & {family.letter for family in two}
    if has_common and not all(family.is_named for family in one + two):
        return None
    steps = [family.step for family in one + two]
    period = Fraction(math.lcm(*(step.numerator for step in steps)), math.gcd(*(step.denominator for step in steps)))
    if sum(period / step for step in steps) > MAX_RESIDUES:
        return None
    return _residues(one, period) == _residues(two, period)


def _families(tree: Answer) -> list[Family]:
    """Those that an answer is; none for any other."""
    if isinstance(tree, Given):
        return _families(tree.value) if tree.condition == ("_", "is", "whole") else []
    if isinstance(tree, Equation):
        name, value = policy.named_value(tree)
        is_unknown = name is not None and not name.index and name.argument is None
        return _named(_families(read_answer(value))) if value and is_unknown else []
    if isinstance(tree, Several):
        parts = [_families(item) for item in tree.items] if tree.brackets in ("", "{}") else []
        found = [family for part in parts for family in part] if all(parts) else []
        return _named(found) if tree.name or tree.brackets else found
    found = _family(tree) if isinstance(tree, Value) else None
    return [found] if found else []


def _named(families: list[Family]) -> list[Family]:
    return [replace(family, is_named=True) for family in families]


def _family(value: Value) -> Family | None:
    if value.node is None:
        return None
    if _has_modulus(value) and (start := exact(value.node)) is not None:
        return Family(Fraction(value.unit.removeprefix("mod ")), start, False, "", is_named=True)
    letter = "".join(names(value.node))
    if letter not in COUNTERS or value.unit not in ("", "degree"):
        return None
    points = ((0, 1), (1, 1), (2, 1), (5, 1), (0, 2), (1, 2))
    found = [_at(value.node, letter, count, pi) for count, pi in points]
    if None in found:
        return None
    start, second, third, sixth, doubled, also = (number for number in found if number is not None)
    step = second - start
    if not step or third != start + 2 * step or sixth != start + 5 * step:
        return None
    has_pi = (doubled, also) != (start, second)
    if has_pi and (doubled, also) != (2 * start, 2 * second):
        return None
    scale = Fraction(1, 180) if value.unit else Fraction(1)
    return Family(abs(step) * scale, start * scale, has_pi or bool(value.unit), letter)


def _at(node: Node, letter: str, count: int, pi: int) -> Fraction | None:
    return exact(renamed(node, {letter: Fraction(count), "pi": Fraction(pi)}))


def _has_modulus(tree: Answer) -> bool:
    if isinstance(tree, Several):
        return all(map(_has_modulus, tree.items))
    return isinstance(tree, Value) and tree.unit.startswith("mod ") and tree.unit.removeprefix("mod ").isdigit()


def _residues(families: list[Family], period: Fraction) -> set[Fraction]:
    return {
        (family.start + count * family.step) % period
        for family in families
        for count in range(int(period / family.step))
    }
