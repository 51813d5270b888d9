r"""The forms of an answer that may be compared: other letters and labels, degrees, a per cent sign, another constant of
integration, sentences by their formulas.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, permutations

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.naming import are_other_measures
from dgpo.verifier.answers.phrases import phrase
from dgpo.verifier.answers.regions import whole_ends
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.quantities import statement
from dgpo.verifier.expressions.tree import (
    Answer,
    Equation,
    Named,
    Node,
    Operation,
    Region,
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
    subtrees,
)
from dgpo.verifier.expressions.values import equal
from dgpo.verifier.text.spelling import GREEK
from dgpo.verifier.text.splitting import plain
from dgpo.verifier.text.tokens import Token, Tokens, has
from dgpo.verifier.text.tokens import renamed as respelt

MAX_CONSTANTS = 3
_DERIVATIVE = re.compile(r"d(2?)([A-Za-z]+)/d[A-Za-z]+2?")
_CONSTANT = re.compile(r"[A-DKck](?:_\d)?")
_NUMBERED = re.compile(r"[Cc]_\d")
_PARAMETERS = frozenset((*"cCklmnrstuv", "alpha", "theta", "lambda", "mu"))
WITH_CONSTANT = frozenset((*"Ctuxyz", "theta"))
"""The constant of integration and variables: no letters that may be given numbers."""
NEGATED = {"C": Operation("-", ("C",))}
_EXTREME = re.compile(r"(?<![A-Za-z])(?:max|min)(?![A-Za-z])")
_SYMBOL = re.compile(rf"(?:[A-Za-z]|{'|'.join(GREEK)})(?:_\w+)?(?:\^\d)?|[A-Z]{{2,4}}")
Declared = tuple[Mapping[str, Region], Mapping[str, Region]]
"""The conditions on the letters of a ground truth, and on those of an answer."""


def with_one_notation(gold: Node, answer: Node) -> tuple[Node, Node]:
    r"""Both with ``y'`` or ``\dot{y}`` where one has ``dy/dx``, and with ``\vec{a}`` or ``a`` for a bold letter."""
    used = names(gold) | names(answer)
    bold = {name: name[5:] for name in used if name.startswith("bold ")}
    bold = {name: f"vec {letter}" if f"vec {letter}" in used else letter for name, letter in bold.items()}
    sides = (renamed(gold, bold), renamed(answer, bold))
    for one, two in (sides, sides[::-1]):
        for derivative in filter(None, map(_DERIVATIVE.fullmatch, names(one) - names(two))):
            order, function = 2 if derivative[1] else 1, derivative[2]
            short = {function + "'" * order, f"{'d' * order}ot {function}"} & (names(two) - names(one))
            for name in short:
                sides = tuple(renamed(side, {derivative[0]: name}) for side in sides)
    return sides[0], sides[1]


def with_rate(gold: Value, answer: Value) -> Value:
    r"""``5 \frac{m}{s}`` with its unit: its letters are units where the ground truth has a rate."""
    if "/" not in gold.unit or not names(answer.node):
        return answer
    rate = read_answer(tuple(replace(token, is_worded=True) for token in answer.tokens))
    return rate if isinstance(rate, Value) and rate.unit == gold.unit else answer


def in_degrees(value: Value, other: Value) -> Value:
    r"""``value`` in degrees, without the unit, where one of the two is and the other is in radians: ``60^\circ`` and
    ``\pi/3``; else ``value``."""
    degrees, radians = (value, other) if value.unit == "degree" else (other, value)
    node = radians.node
    is_angle = "pi" in subtrees(node) or any(function.startswith("arc") for function in functions(node))
    if degrees.unit != "degree" or not (radians.unit == "rad" or (is_angle and not radians.unit)):
        return value
    if value is degrees:
        return replace(value, unit="")
    in_degrees = product(node, Fraction(180), Operation("/", ("pi",)))
    return replace(value, node=renamed(node, {"pi": Fraction(180)}) if names(node) else in_degrees, unit="")


def _new_letters(gold: Node, answer: Node, declared: Declared) -> Iterator[dict[str, str]]:
    r"""Each renaming of the answer's letters that may be tried: none, then those to letters of the ground truth.

    Letters may be renamed that have one condition on both sides (``declared``), or on one where both stand by a
    ``\\pi``, or in the ground truth with other letters beside them; arbitrary constants of a function, ``A`` and
    ``C_1``; and the one parameter of a tuple.
    """
    yield {}
    wanted, given = names(gold) - names(answer), names(answer) - names(gold)
    if not wanted and not given:
        wanted = given = frozenset(filter(_NUMBERED.fullmatch, names(gold)))  # C_1 and C_2 may change places
    if not 0 < len(wanted) == len(given) <= MAX_CONSTANTS:
        return
    called = {call.operands[0] for side in (gold, answer) for call in operations(side, "call")}
    if not called.isdisjoint(wanted | given):
        return  # f(x) is no cx
    common = names(gold) & names(answer)
    constants = wanted | (given - declared[1].keys() - ({"a"} if "x" in common else set()))
    are_constants = not common.isdisjoint("nrtxyz") and all(map(_CONSTANT.fullmatch, constants))
    is_family = wanted | given <= COUNTERS and all("pi" in subtrees(side) for side in (gold, answer))
    is_declared = (any(declared) and is_family) or (declared[0] and common) or all(declared)
    are_told = all(letters <= told.keys() for letters, told in zip((wanted, given), declared, strict=True) if told)
    may_change = are_told and (len(wanted) == 1 or declared[0]) and (given - declared[1].keys()).isdisjoint("xyz")
    may_try = are_constants or (is_declared and may_change) or _are_points(gold, answer)
    for order in permutations(sorted(wanted)) if may_try else ():
        pairs = [*zip(sorted(given), order, strict=True)]
        told = [(declared[0].get(new), declared[1].get(old)) for old, new in pairs]
        if all(one is None or other is None or same_condition(one, other) for one, other in told):
            yield dict(pairs)


def same_condition(gold: Region, answer: Region) -> bool:
    """Whether a letter may be the same numbers on both sides; one may leave out their kind: ``k >= 0``."""
    kinds = {gold.kind, answer.kind}
    are_same = gold.pieces == answer.pieces or ("Z" in kinds and whole_ends(gold) == whole_ends(answer) != [])
    return are_same and len(kinds - {""}) < 2


def _are_points(*sides: Node) -> bool:
    """Whether two tuples have one parameter each, in more than one part: ``(2s, s)`` and ``(2t, t)``."""
    parts = [side.operands if isinstance(side, Operation) and side.function == "tuple" else () for side in sides]
    are_lines = all(sum(bool(names(part)) for part in side) > 1 for side in parts)
    return are_lines and all(len(names(side)) == 1 and names(side) <= _PARAMETERS for side in sides)


def pairs(gold: Value, answer: Value, declared: Declared) -> list[tuple[Node, Node]]:
    """The ground truth beside each form of the answer: in other letters, and as it is and by a hundred where one side
    alone has a per cent sign; 3/4 per cent is no 3/4, though 75 per cent may be 75.
    """
    wanted, given = with_one_notation(_with_floor(gold, answer), _with_floor(answer, gold))
    forms = [renamed(given, new) for new in _new_letters(wanted, given, declared)]
    are_shares = [side.unit[:1] == "%" for side in (gold, answer)]
    if are_shares[0] != are_shares[1]:
        scaled = [product(form, Fraction(100) if are_shares[0] else Fraction(1, 100)) for form in forms]
        is_share = are_shares[1] and (number := exact(wanted)) is not None and abs(number) < 1
        forms = scaled if is_share else forms + scaled
    return [(wanted, form) for form in forms]


def _with_floor(value: Value, other: Value) -> Node:
    r"""The tree of ``[n/2]`` as ``\lfloor n/2 \rfloor`` where ``other`` has floors; of another value as it is."""
    if not has(value.tokens, "open", "[") or "floor" in functions(value.node) or "floor" not in functions(other.node):
        return value.node
    read = read_answer(respelt(respelt(value.tokens, {"[": "floor"}, "open"), {"]": "floor"}, "close"))
    return read.node if isinstance(read, Value) else value.node


def with_letters(golds: list[Answer], answers: list[Answer], declared: Declared) -> Iterator[list[Answer]]:
    """The parts of a tuple in each renaming of their letters, which is the same in all parts."""
    values = [[part for part in side if isinstance(part, Value)] for side in (golds, answers)]
    nodes = [tuple(value.node for value in side) for side in values]
    if not len(nodes[0]) == len(nodes[1]) == len(golds):
        yield answers
        return
    for new in _new_letters(Operation("tuple", nodes[0]), Operation("tuple", nodes[1]), declared):
        yield [replace(value, node=renamed(node, new)) for value, node in zip(values[1], nodes[1], strict=True)]


def is_shifted(gold: Node, answer: Node) -> bool:
    r"""Whether two integrals differ by a number and in a factor of C, as they may: ``\sin^2 x + C`` and
    ``2C - \cos^2 x``; or in the sign of C; or in where they are defined: ``\ln x + C`` and ``\ln|x| + C``."""
    if "C" not in names(gold) & names(answer) or not {"C"} < names(gold) | names(answer) <= WITH_CONSTANT:
        return False
    gold, answer = (rebuilt(node, _without_modulus) for node in (gold, answer))
    if any(equal(gold, form) is True for form in (answer, renamed(answer, NEGATED))):
        return True
    one, two = map(without_constant, (gold, answer))
    return one is not None and two is not None and (_is_fixed(minus(one, two)) or equal(one, two) is True)


def without_constant(node: Node) -> Node | None:
    """``x - y`` of ``x - y + 2C``, where C is a constant of integration; None where it is no term, or there is none."""
    if not {"C"} < names(node) <= WITH_CONSTANT:
        return None
    start, one, two = (renamed(node, {"C": Fraction(count)}) for count in range(3))
    slope = minus(one, start)
    return start if _is_fixed(slope) and equal(slope, minus(two, one)) is True else None


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


def in_order_of(gold: Named, answer: Named) -> tuple[Answer, ...] | None:
    """The values of ``answer`` in the order of ``gold``'s names, or as they are where all names are other words.

    None where some symbols are the same, and some are not: AB and BC beside AB and AC.
    """
    wanted, given = gold.names, answer.names
    extremes = [tuple("".join(_EXTREME.findall(name)) for name in names) for names in (wanted, given)]
    if sorted(extremes[0]) == sorted(extremes[1]) == ["max", "min"]:  # S_{\max} and max
        wanted, given = extremes
    by_name = dict(zip(given, answer.items, strict=True))
    if are_other_measures(wanted, given) or len(by_name) < len(given):
        return None
    different = set(by_name) ^ set(wanted)
    if not different:
        return tuple(by_name[name] for name in wanted)
    is_partial = len(different) < len(by_name) + len(wanted) and all(map(_SYMBOL.fullmatch, different))
    return None if is_partial else answer.items


def beside_equations(tree: Several, other: Several) -> Several:
    """``x = 3, 4`` as a list of equations instead of the values of x, where ``other`` holds equations."""
    if not tree.name or not any(isinstance(item, Equation) for item in other.items):
        return tree
    name = (Token("name", tree.name, tree.name),)
    items = (Equation((name, item.tokens), 2) if isinstance(item, Value) else item for item in tree.items)
    return Several("", tuple(items))


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
