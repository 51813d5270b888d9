"""Trees in another form, to be compared: equations as differences, vectors as tuples."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, pairwise, permutations

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.answers.reading import phrase
from dgpo.verifier.comparison import policy
from dgpo.verifier.comparison.forms import with_one_notation
from dgpo.verifier.expressions.evaluation import COUNTERS
from dgpo.verifier.expressions.quantities import statement
from dgpo.verifier.expressions.tree import (
    Answer,
    Equation,
    Named,
    Node,
    Operation,
    Several,
    Statement,
    Value,
    functions,
    minus,
    names,
    operations,
    product,
    rebuilt,
    renamed,
)
from dgpo.verifier.expressions.values import equal, is_multiple
from dgpo.verifier.text.spelling import GREEK
from dgpo.verifier.text.splitting import plain, split
from dgpo.verifier.text.tokens import EQUALS, Token, Tokens, has
from dgpo.verifier.text.tokens import renamed as with_letters

_WITH_CONSTANT = frozenset((*"Ctuxyz", "theta"))
"""The constant of integration and variables: no letters that may be given numbers."""
_CONSTANTS = frozenset(("k", "K", "C_1", "c_1"))  # where one is a side: x^2 + y^2 = k
_NEGATED = {"C": Operation("-", ("C",))}
_EXTREME = re.compile(r"(?<![A-Za-z])(?:max|min)(?![A-Za-z])")
_SYMBOL = re.compile(rf"(?:[A-Za-z]|{'|'.join(GREEK)})(?:_\w+)?(?:\^\d)?|[A-Z]{{2,4}}")


def spread(tree: Answer, other: Answer) -> Answer:
    """``x = y = z = 1`` as the tuple ``(1, 1, 1)`` and ``x = y = z`` as ``(t, t, t)``, or as values by name, where
    ``other`` is such; else ``tree``.
    """
    letters = policy.chain(tree, is_open=isinstance(other, Named | Several)) if isinstance(tree, Equation) else ()
    is_other_chain = isinstance(other, Equation) and policy.chain(other)
    if not isinstance(tree, Equation) or not letters or not (is_other_chain or isinstance(other, Named | Several)):
        return tree
    first = other.items[:1] if isinstance(other, Named | Several) and len(letters) == len(tree.sides) else ()
    is_letter = any(isinstance(item, Value) and isinstance(item.node, str) for item in first)
    values = (first if is_letter else (read_answer(tree.sides[-1]),)) * len(letters)
    return Several("()", values) if isinstance(other, Several) else Named(letters, values)


def in_order_of(gold: Named, answer: Named) -> tuple[Answer, ...] | None:
    """The values of ``answer`` in the order of ``gold``'s names, or as they are where all names are other words.

    None where some symbols are the same, and some are not: AB and BC beside AB and AC.
    """
    wanted, given = gold.names, answer.names
    extremes = [tuple("".join(_EXTREME.findall(name)) for name in names) for names in (wanted, given)]
    if sorted(extremes[0]) == sorted(extremes[1]) == ["max", "min"]:  # S_{\max} and max
        wanted, given = extremes
    by_name = dict(zip(given, answer.items, strict=True))
    is_opposed = all(map(any, extremes)) and sorted(extremes[0]) != sorted(extremes[1])
    if is_opposed or len(by_name) < len(given):
        return None
    different = set(by_name) ^ set(wanted)
    if not different:
        return tuple(by_name[name] for name in wanted)
    is_partial = len(different) < len(by_name) + len(wanted) and all(map(_SYMBOL.fullmatch, different))
    return None if is_partial else answer.items


def labelled_behind(tree: Several, labels: Sequence[str]) -> Named | None:
    """``12 (Bob), 8 (Alice)`` by name, where ``labels`` has these; None where values have no such words behind them."""
    values = [item for item in tree.items if isinstance(item, Value)]
    words = ([Token("word", word, word) for word in value.unit.split()] for value in values)
    behind = tuple(str(read_name(tuple(tokens))) for tokens in words)
    is_labelled = len(values) == len(tree.items) and not {*behind}.isdisjoint(labels)
    return Named(behind, tuple(replace(value, unit="") for value in values)) if is_labelled else None


def beside_equations(tree: Several, other: Several) -> Several:
    """``x = 3, 4`` as a list of equations instead of the values of x, where ``other`` holds equations."""
    if not tree.name or not any(isinstance(item, Equation) for item in other.items):
        return tree
    name = (Token("name", tree.name, tree.name),)
    items = (Equation((name, item.tokens), 2) if isinstance(item, Value) else item for item in tree.items)
    return Several("", tuple(items))


def with_floors(gold: Value, answer: Value) -> tuple[Value, Value]:
    r"""Both, with ``[n/2]`` as ``\lfloor n/2 \rfloor`` where one side alone has floors."""
    sides = [gold, answer]
    have = ["floor" in functions(side.node) for side in sides]
    if have in ([True, False], [False, True]):
        tokens = sides[have.index(False)].tokens
        read = read_answer(with_letters(with_letters(tokens, {"[": "floor"}, "open"), {"]": "floor"}, "close"))
        if has(tokens, "open", "[") and isinstance(read, Value):
            sides[have.index(False)] = replace(sides[have.index(False)], node=read.node)
    return sides[0], sides[1]


def phrases(gold: Statement, answer: Statement) -> list[tuple[Answer, Answer]]:
    """The formulas between the words of two sentences, in pairs; none where the words are not the same."""
    words, formulas = zip(*map(_words_and_formulas, (gold.tokens, answer.tokens)), strict=True)
    if words[0] != words[1] or len(formulas[0]) != len(formulas[1]):
        return []
    return [*zip(*([*map(read_answer, side)] for side in formulas), strict=True)]


def are_same_phrase(gold: Statement, answer: Statement) -> bool:
    """Whether two statements are one answer in words: ``no solutions`` and ``no solution``."""
    return (words := phrase(plain(gold.tokens))) is not None and words == phrase(plain(answer.tokens))


def _words_and_formulas(tokens: Tokens) -> tuple[list[tuple[str, ...]], list[Tokens]]:
    """The words of a sentence, a gap where there is a formula, and these formulas."""
    by_kind = groupby(tokens, key=lambda token: bool(token.word) and not token.is_product)
    groups = [(are_words, tuple(group)) for are_words, group in by_kind]
    words = [statement(group).symbols if are_words else () for are_words, group in groups]
    formulas = [group for are_words, group in groups if not are_words]
    return words, formulas if len(groups) > 1 else []


def as_positive(tokens: Tokens) -> list[tuple[bool, Node]]:
    """``(True, a - b)`` and ``(False, b - c)`` of ``a > b >= c`` and ``c <= b < a``; none for anything else."""
    sides, signs = split(tokens, "relation")
    found = []
    for relation, (left, right) in zip((str(sign.value) for sign in signs), pairwise(sides), strict=True):
        positive = difference(*((left, right) if relation.startswith(">") else (right, left)))
        if relation not in ("<", ">", "<=", ">=") or not positive:
            return []
        found.append((len(relation) == 1, positive))
    return found


def difference(left_side: Tokens, right_side: Tokens) -> Node | None:
    """Left side minus right side; None where one of them has no tree."""
    left, right = read_answer(left_side), read_answer(right_side)
    if not isinstance(left, Value) or not isinstance(right, Value) or left.is_opaque or right.is_opaque:
        return None
    return minus(left.node, right.node)


def differences(sides: Sequence[Tokens]) -> list[Node]:
    """Each side minus the next; none where a side has no tree."""
    found = [node for pair in pairwise(sides) if (node := difference(*pair)) is not None]
    new = {"c": "C"} | dict.fromkeys(_CONSTANTS & {getattr(read_answer(side), "node", None) for side in sides}, "C")
    found = [renamed(node, new) if names(node) <= _WITH_CONSTANT | {*new} else node for node in found]
    return [*map(_without_divisors, found)] if len(found) == len(sides) - 1 else []


def joined(equation: Equation) -> Tokens:
    """The sides with ``=`` between them."""
    first, *others = equation.sides
    return (*first, *(token for side in others for token in (EQUALS, *side)))


def same_relation(gold: Equation, answer: Equation) -> bool | None:
    """Whether they are one equation but for factors and order, ``PV = nRT`` and ``P = nRT/V``, ``x/2 = y/3 = z``; None
    where a side has no value."""
    wanted = differences(gold.sides)
    given = in_any_order(answer.sides) if wanted and len(gold.sides) == len(answer.sides) else []
    pairs = (zip(wanted, order, strict=True) for order in given)
    is_any = any(all(is_multiple(*with_one_notation(*pair)) for pair in order) for order in pairs if all(given))
    return is_any if given and all(given) else None


def unknowns(equation: Equation) -> frozenset[str]:
    """The variables of an equation."""
    return frozenset().union(*map(names, differences(equation.sides)))


def _without_divisors(node: Node) -> Node:
    """``xy - 2`` of ``y - 2/x``: ``node`` times what its terms are divided by."""
    divisors = {part.operands[0] for part in operations(node, "/") if names(part)}
    return product(node, *sorted(divisors, key=repr)) if divisors else node


def in_any_order(sides: Sequence[Tokens]) -> list[list[Node]]:
    """The `differences` of three or four sides in each order; of others as they are."""
    found = [differences(order) for order in (permutations(sides) if 2 < len(sides) < 5 else [sides])]
    has_constant = all("C" in names(node) <= _WITH_CONSTANT for node in found[0])
    return [*found, *([renamed(node, _NEGATED) for node in nodes] for nodes in found if has_constant)]


def definitions(gold: Equation, answer: Equation) -> tuple[Answer, Answer] | None:
    """``2x`` and ``3x`` of ``f(x) = 2x`` and ``f(t) = 3t``: two definitions in the variable of the first; else None."""
    wanted, given = policy.definition(gold), policy.definition(answer)
    if not wanted or not given or wanted[0] == given[0] or has(given[1], "name", wanted[0]):
        return None
    letter, side = given
    products = {token.latex: token.latex.replace(letter, wanted[0]) for token in side if token.is_product}  # ct
    side = with_letters(with_letters(side, {letter: wanted[0]}), products, "word")
    return read_answer(wanted[1]), read_answer(side)


def is_shifted(gold: Node, answer: Node) -> bool:
    r"""Whether two integrals differ by a number and in a factor of C, as they may: ``\sin^2 x + C`` and
    ``2C - \cos^2 x``; or in the sign of C; or in where they are defined: ``\ln x + C`` and ``\ln|x| + C``."""
    if "C" not in names(gold) & names(answer) or not {"C"} < names(gold) | names(answer) <= _WITH_CONSTANT:
        return False
    gold, answer = (rebuilt(node, _without_modulus) for node in (gold, answer))
    if any(equal(gold, form) is True for form in (answer, renamed(answer, _NEGATED))):
        return True
    starts = [[renamed(side, {"C": Fraction(count)}) for count in range(3)] for side in (gold, answer)]
    slopes = [minus(two, one) for side in starts for one, two in pairwise(side)]
    are_sums = all(map(_is_fixed, slopes)) and all(equal(slopes[at], slopes[at + 1]) is True for at in (0, 2))
    gap = minus(starts[0][0], starts[1][0])
    return are_sums and (_is_fixed(gap) or equal(starts[0][0], starts[1][0]) is True)


def _is_fixed(node: Node) -> bool:
    """Whether the value of ``node`` is the same wherever its variables are, but 0."""
    points = (dict.fromkeys(names(node), Fraction(place, 5)) for place in (2, 7))
    return any(equal(renamed(node, point), node) is True for point in points)


def _without_modulus(node: Node) -> Node:
    r"""``\ln x`` of ``\ln|x|``; other trees as they are."""
    if isinstance(node, Operation) and node.function in ("ln", "log"):
        inside, *base = node.operands
        if isinstance(inside, Operation) and inside.function == "abs":
            return Operation(node.function, (*inside.operands, *base))
    return node


def by_remainder(cases: Several, formula: Value) -> list[tuple[Answer, Answer]]:
    r"""``n/2`` and ``\lfloor n/2 \rfloor`` at ``2n``, and so on for each of ``cases`` by the remainder of ``n``; none
    for cases of another kind, or that are not all."""
    (letter, *others), pairs, part = (*sorted(names(formula.node)), ""), [], Fraction(0)
    for value, condition in (item.items for item in cases.items if isinstance(item, Several) and len(item.items) == 2):
        modulus, *rests, kind, low = condition.symbols if isinstance(condition, Statement) else ("", "", "")
        if not modulus.isdigit() or kind or low != "1" or not isinstance(value, Value):
            return []
        for rest in rests:
            number = Operation("+", (product(Fraction(modulus), letter), Fraction(rest)))
            both = (renamed(node, {letter: number}) for node in (value.node, formula.node))
            pairs.append(tuple(Value(node, ()) for node in both))
            part += Fraction(1, int(modulus))
    return pairs if part == 1 and others == [""] and letter in COUNTERS else []


def components(value: Value) -> Several | None:
    r"""``(2, -3)`` of ``2\mathbf{i} - 3\mathbf{j}``; None where there are no unit vectors, or something beside them."""
    node = value.node
    axes = [axis for axis in "ijk" if f"unit {axis}" in names(node)]
    if not axes or equal(_along(node, ""), Fraction(0)) is not True:
        return None
    return Several("()", tuple(Value(_along(node, axis), value.tokens) for axis in ("ijk" if "k" in axes else "ij")))


def _along(node: Node, axis: str) -> Node:
    """``node`` with 1 for one unit vector and 0 for the others."""
    return renamed(node, {f"unit {other}": Fraction(other == axis) for other in "ijk"})
