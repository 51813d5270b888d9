r"""What equations say: of ``x = 5`` the value of a name, of ``3 \cdot 4 = 12`` that both sides are one, of
``x^2 + y^2 = 1`` where its points are; and when two of them, or two inequalities, say the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, permutations

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.naming import Name, differ, read_name
from dgpo.verifier.answers.regions import REAL, WHOLE
from dgpo.verifier.comparison.forms import NEGATED, WITH_CONSTANT, Declared, with_one_notation, without_constant
from dgpo.verifier.comparison.rounding import may_round
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.tree import (
    Answer,
    Equation,
    Given,
    Named,
    Node,
    Several,
    Value,
    functions,
    minus,
    names,
    operations,
    product,
    renamed,
)
from dgpo.verifier.expressions.values import equal, is_multiple
from dgpo.verifier.text.splitting import split
from dgpo.verifier.text.tokens import EQUALS, Tokens, has

MAX_SIDES = 4
_DISTRIBUTIONS = frozenset(("N", "normal", "B", "bin", "binomial", "U", "uniform"))
_PARAMETERS = frozenset(("s", "t", "lambda", "mu"))
_CONSTANTS = frozenset(("k", "K", "C_1", "c_1"))  # where one is a side: x^2 + y^2 = k


def named_value(equation: Equation) -> tuple[Name | None, Tokens | None]:
    r"""Name and value of ``x = 5``, ``5 = x`` and ``x = 2 + 3 = 5``, value of ``\sqrt{2} \approx 1.4``; else None."""
    sides = [*equation.sides]
    first, last = _outer_names(sides)
    if chain(equation):
        return None, None
    if (not first and equation.approximate == 1) or not any(map(_has_variable, sides)):
        return None, sides[0]  # 3/8 = 0.375
    if first:
        return first, sides[-1]
    return (last, sides[0]) if last and len(sides) == 2 else (None, None)


def _outer_names(sides: list[Tokens]) -> tuple[Name | None, Name | None]:
    """The names that the first and the last side are; a constant is no name behind variables: ``xy = C``."""
    first, last = read_name(sides[0]), read_name(sides[-1])
    is_constant = last is not None and last.head in ("C", "c") and not first and _has_variable(sides[0])
    return first, None if is_constant else last


def chain(equation: Equation) -> tuple[str, ...]:
    """The letters of ``x = y = 1``, and all three of ``x = y = z``; none for any other equation."""
    others = equation.sides if read_name(equation.sides[-1]) else equation.sides[:-1]
    letters = tuple(str(side[0].value) for side in others if len(side) == 1 and side[0].kind == "name")
    return letters if len(letters) == len(others) and len(equation.sides) > 2 else ()


def asked_value(gold: Equation, answer: Answer) -> Tokens | None:
    """What `named_value` finds, and beside a value 113 of ``m + n = 113``, a sum of letters that a problem asks for,
    unlike ``x + y = 3`` and ``a + b = 0``, and the right side of an identity. None for other equations.
    """
    _, value = named_value(gold)
    left, *rest = gold.sides
    letters = [str(token.value) for token in left if token.kind == "name"]
    is_sum = len(letters) > 1 and all(token.kind == "name" or token.is_("sign", "+") for token in left)
    are_numbers = [token.value != 0 and token.kind == "number" for side in rest for token in side]
    is_asked = is_sum and are_numbers == [True] and {*letters}.isdisjoint("xyzt")
    return rest[-1] if isinstance(answer, Value) and (is_asked or (value is None and _is_identity(gold))) else value


def _is_identity(equation: Equation) -> bool:
    """Whether both sides have the same value whatever their letters are: ``x^2 - 1 = (x - 1)(x + 1)``."""
    nodes = _trees(equation.sides)
    return len(nodes) == 2 and equal(nodes[0], nodes[1]) is True


def are_parts_of_curve(*sides: Given) -> bool:
    """Whether a curve loses points on one side alone, by a bound on a coordinate or its parameter, or each side loses
    others: ``x^2 + y^2 = 1, x > 0``, ``(2 + t, 3 - t), t > 0``."""
    are_curves = any(isinstance(side.value, Equation) and named_value(side.value)[1] is None for side in sides)
    bounds = [{name: said for name, said in side.conditions.items() if said != REAL} for side in sides]
    gold, answer = map(frozenset, bounds)
    lost = [not letters.isdisjoint("xyz") for letters in (gold - answer, answer - gold)]
    points = [side.value for side in sides if isinstance(side.value, Several) and side.value.brackets == "()"]
    used = {name for point in points for item in point.items for name in functions(getattr(item, "node", ""))}
    ranges = [{said for name, said in bound.items() if name in _PARAMETERS} for bound in bounds]
    is_cut = bool((ranges[0] - {WHOLE} and not answer) or (ranges[1] and not gold))
    return (any(lost) if are_curves else all(lost)) or (is_cut and bool(points) and used.isdisjoint(("sin", "cos")))


def before_rounding(equation: Equation) -> Answer | None:
    r"""``\log 2`` of ``\log 2 \approx 0.301``, ``x = \sqrt{2}`` of ``x = \sqrt{2} \approx 1.41``; None for others."""
    count = equation.approximate
    if count == len(equation.sides) or (count == 1 and read_name(equation.sides[0])):
        return None
    return read_answer(equation.sides[0]) if count == 1 else Equation(equation.sides[:count], count)


def claims(answer: Equation, gold: Answer) -> list[Tokens] | None:
    r"""The sides of ``answer`` that must each equal the ground truth; None where it must equal it as an equation.

    ``x = 5`` claims its last side. In ``3 \cdot 4 = 12`` both sides count, as neither has a variable, so ``38 = 37`` is
    wrong. Of the steps in ``x = ... = 5`` the last counts. What follows ``\approx`` only rounds. An equation that is
    left to solve claims nothing, nor does one behind words.
    """
    sides = list(answer.sides)
    first, last = _outer_names(sides)
    if isinstance(gold, Equation):
        gold_name, value = named_value(gold)
        is_named = (first or last) is not None and gold_name is not None
        if not is_named and (value is None or gold_name is not None):
            return None
    if len(sides) > MAX_SIDES or any(map(_is_talk, sides[:-1])):
        return []
    if not (first or last) and not may_round(sides[answer.approximate - 1 :]):
        return []
    if answer.approximate > 1 or not first:
        sides = sides[: answer.approximate]
    if len(sides) == 2 and last and not first:
        sides.reverse()
    if first and len(sides) > 2:
        return sides[-1:]
    letters = [{token.value for token in side if token.kind == "name"} for side in sides]
    if len(sides) == 2 and not first and not last and (_is_unsolved(sides[0]) or letters[0] == letters[1] != set()):
        return sides if letters[1] else []  # x^2 - 1 = (x - 1)(x + 1), unlike 3x^2 = 6x
    return [side for side in sides[:-1] if not _has_variable(side)] + [sides[-1]]


def _is_talk(side: Tokens) -> bool:
    """Whether a side is words that are no name: ``7 when a``, ``This would lead to 0``."""
    has_words = any(token.kind == "word" and (token.is_worded or len(str(token.value)) > 3) for token in side)
    return has_words and read_name(side) is None


def _is_unsolved(side: Tokens) -> bool:
    """Whether a side asks for its unknowns: ``x^2 - 5x + 6``, ``2x + y - 3``; not ``a + b``, which may be asked for."""
    letters = {str(token.value) for token in side if token.kind == "name"} - {"e", "i", "pi"}
    terms, signs = split(side, "sign", "+", "-")
    has_number = any(len(term) == 1 and term[0].kind == "number" for term in terms)
    has_power = len(letters) == 1 and has(side, "sign", "^")
    return bool(letters and signs) and (has_power or (has_number and (len(letters) == 1 or letters <= {*"xyz"})))


def _has_variable(side: Tokens) -> bool:
    has_extreme = has(side, "function", "max", "min", "sup", "inf")
    return has_extreme or any(token.kind in ("name", "word") and token.value != "pi" for token in side)


def names_differ(gold: Equation, answer: Equation) -> bool:
    """Whether two equations of two sides are named after different things."""
    (wanted, _), (given, _) = named_value(gold), named_value(answer)
    if len(gold.sides) != 2 or len(answer.sides) != 2 or wanted is None or given is None:
        return False
    if given.index and replace(wanted, index=given.index) == given and _definition(gold) and _definition(answer):
        return False  # a_n and a_k, as functions of their index
    are_laws = {wanted.head, given.head} <= _DISTRIBUTIONS and has(gold.sides[1][:1], "open", "(")
    return differ(wanted, given) or (are_laws and wanted.head[0].lower() != given.head[0].lower())  # N(0, 1), U(0, 1)


def _definition(equation: Equation) -> tuple[str, Tokens] | None:
    """``x`` and ``2x+3`` of ``f(x) = 2x+3``, ``k`` and ``2^k`` of ``n = 2^k``; None for what defines no function."""
    name = read_name(equation.sides[0])
    if len(equation.sides) != 2 or name is None:
        return None
    if len(name.index) == 1 and name.index in {token.value for token in equation.sides[1]}:
        return name.index, equation.sides[1]
    letters = {str(token.value) for token in equation.sides[1] if token.kind in ("name", "word")}
    if name == Name("n") and len(letters) == 1 and letters <= COUNTERS - {"n"}:
        return letters.pop(), equation.sides[1]
    if name.argument and len(name.argument) == 1 and name.argument[0].isalpha() and len(name.head) == 1:
        return name.argument[0], equation.sides[1]
    return None


def definitions(gold: Equation, answer: Equation, declared: Declared) -> tuple[Given, Given] | None:
    """``2x`` and ``3t`` of ``f(x) = 2x`` and ``f(t) = 3t``, each with its variable, which may be renamed; else None."""
    wanted, given = _definition(gold), _definition(answer)
    if not wanted or not given or wanted[0] == given[0] or has(given[1], "name", wanted[0]):
        return None
    named = {read_name(gold.sides[0]), read_name(answer.sides[0])}
    if (wanted[0] in declared[0] and given[0] in declared[1]) or (Name("n") in named and len(named) > 1):
        return None
    return Given(read_answer(wanted[1]), {wanted[0]: REAL}), Given(read_answer(given[1]), {given[0]: REAL})


def spread(tree: Answer, other: Answer) -> Answer:
    """``x = y = z = 1`` as the tuple ``(1, 1, 1)`` and ``x = y = z`` as ``(t, t, t)``, or as values by name, where
    ``other`` is such; else ``tree``.
    """
    letters = chain(tree) if isinstance(tree, Equation) else ()
    if not isinstance(tree, Equation) or not letters:
        return tree
    is_open = len(letters) == len(tree.sides)
    if not isinstance(other, Named | Several) and (is_open or not isinstance(other, Equation) or not chain(other)):
        return tree
    first = other.items[:1] if is_open and isinstance(other, Named | Several) else ()
    is_letter = any(isinstance(item, Value) and isinstance(item.node, str) for item in first)
    values = (first if is_letter else (read_answer(tree.sides[-1]),)) * len(letters)
    return Several("()", values) if isinstance(other, Several) else Named(letters, values)


def joined(equation: Equation) -> Tokens:
    """The sides with ``=`` between them."""
    first, *others = equation.sides
    return (*first, *(token for side in others for token in (EQUALS, *side)))


def same_relation(gold: Equation, answer: Equation) -> bool | None:
    """Whether they are one equation but for factors and order, ``PV = nRT`` and ``P = nRT/V``, ``x/2 = y/3 = z``; None
    where a side has no value, or they have other units."""
    units = [{getattr(read_answer(side), "unit", "") for side in each.sides} - {""} for each in (gold, answer)]
    if all(units) and units[0] != units[1]:
        return None
    wanted = _differences(gold.sides)
    given = _in_any_order(answer.sides) if wanted and len(gold.sides) == len(answer.sides) else []
    if not given or not all(given):
        return None
    curves = [curve for curve in map(without_constant, (*wanted, *given[0])) if curve is not None]
    if len(curves) == len(gold.sides) == 2 and is_multiple(*curves):
        return True  # x^2 + y^2 = C and x^2/2 + y^2/2 = C
    pairs = (zip(wanted, order, strict=True) for order in given)
    return any(all(is_multiple(*with_one_notation(*pair)) for pair in order) for order in pairs)


def unknowns(equation: Equation) -> frozenset[str]:
    """The variables of an equation."""
    return frozenset().union(*map(names, _differences(equation.sides)))


def _in_any_order(sides: Sequence[Tokens]) -> list[list[Node]]:
    """The `_differences` of three or four sides in each order; of others as they are."""
    found = [_differences(order) for order in (permutations(sides) if 2 < len(sides) < 5 else [sides])]
    has_constant = all("C" in names(node) <= WITH_CONSTANT for node in found[0])
    return [*found, *([renamed(node, NEGATED) for node in nodes] for nodes in found if has_constant)]


def _differences(sides: Sequence[Tokens]) -> list[Node]:
    """Each side minus the next; none where a side has no tree."""
    nodes = _trees(sides)
    new = {"c": "C"} | dict.fromkeys(_CONSTANTS.intersection(nodes), "C")
    found = [minus(*pair) for pair in pairwise(nodes)]
    return [_without_divisors(renamed(node, new if names(node) <= WITH_CONSTANT | {*new} else {})) for node in found]


def as_positive(tokens: Tokens) -> list[tuple[bool, Node]]:
    """``(True, a - b)`` and ``(False, b - c)`` of ``a > b >= c`` and ``c <= b < a``; none for anything else."""
    sides, signs = split(tokens, "relation")
    relations = [str(sign.value) for sign in signs]
    pairs = pairwise(_trees(sides) if {*relations} <= {"<", ">", "<=", ">="} else ())
    return [
        (len(relation) == 1, minus(*(pair if relation.startswith(">") else pair[::-1])))
        for relation, pair in zip(relations, pairs, strict=False)
    ]


def _trees(sides: Sequence[Tokens]) -> list[Node]:
    """The trees of all sides; none where one of them has none."""
    values = [side for side in map(read_answer, sides) if isinstance(side, Value) and not side.is_opaque]
    return [value.node for value in values] if len(values) == len(sides) else []


def _without_divisors(node: Node) -> Node:
    """``xy - 2`` of ``y - 2/x``: ``node`` times what its terms are divided by."""
    divisors = {part.operands[0] for part in operations(node, "/") if names(part)}
    return product(node, *sorted(divisors, key=repr)) if divisors else node
