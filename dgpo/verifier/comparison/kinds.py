r"""Two answers of different kinds, as pairs of one kind: a matrix and a tuple of its rows, unit vectors and a tuple,
intervals and a region, a list and its one value, labelled values and a tuple.
"""

from collections.abc import Sequence
from fractions import Fraction

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.answers.regions import as_region, listed
from dgpo.verifier.expressions import tree
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.values import equal
from dgpo.verifier.text.splitting import separated, symbols
from dgpo.verifier.text.tokens import Token

UNORDERED = frozenset(("", "{}"))
Pairs = list[tuple[tree.Answer, tree.Answer]]


def pairs_of_one_kind(gold: tree.Answer, answer: tree.Answer) -> Pairs:
    """What must be the same for two answers of different kinds to be the same; nothing where they cannot be."""
    return _pairs(gold, answer) or [(two, one) for one, two in _pairs(answer, gold)]


def _pairs(one: tree.Answer, other: tree.Answer) -> Pairs:
    match one, other:
        case tree.Several(), tree.Region():
            region = as_region(one)
            is_counted = other.is_whole or (region is None and other.variable in COUNTERS)
            if is_counted and (numbers := listed(other)):
                return [(one, numbers)]
            return [(region, other)] if region else []
        case tree.Several(), tree.Value():
            return _several_and_value(one, other)
        case tree.Grid(), tree.Several() | tree.Value():
            return _grid_and_other(one, other)
        case tree.Named(), tree.Several():
            if labelled := _labelled_behind(other, one.names):
                return [(one, labelled)]
            by_name = sorted(zip(one.names, one.items, strict=True), key=lambda pair: pair[0])
            items = tuple(item for _, item in by_name) if set(one.names) <= set("xyz") else one.items
            return [(tree.Several("()", items), other)]
        case tree.Ratio(), tree.Value():
            if one.half:  # 3 pm
                return [(one.terms[0], other)] if one.terms[-1].node == 0 and not other.unit else []
            return [(one.shares()[0], other)] if len(one.terms) == 2 else []
        case tree.Statement(), tree.Value() | tree.Region():
            is_number = isinstance(other, tree.Value) and isinstance(other.node, Fraction)
            is_relation = not one.is_words and not is_number and other.tokens
            return [(one, tree.Statement(symbols(other.tokens), other.tokens))] if is_relation else []
        case _:
            return []


def _several_and_value(several: tree.Several, value: tree.Value) -> Pairs:
    """A vector beside a sum of unit vectors, a list beside ``100,200``, a set of one value, or one value in several
    forms: ``7/2 or 3.5``."""
    if len(several.items) > 1 and several.brackets == "()" and (parts := _components(value)):
        return [(several, parts)]
    if len(several.items) > 1 and not several.brackets:
        parts = read_answer(separated(value.tokens))
        if isinstance(parts, tree.Several):
            return [(several, parts)]
    if pairs := _by_remainder(several, value):
        return pairs
    is_one = several.brackets in UNORDERED and (len(several.items) < 2 or not several.brackets)
    return [(item, value) for item in several.items] if is_one else []


def _grid_and_other(grid: tree.Grid, other: tree.Several | tree.Value) -> Pairs:
    """A matrix beside a tuple of rows or another expression, a row or a column beside a tuple."""
    if isinstance(other, tree.Value):
        if other.is_opaque:
            return [(tree.Value(tree.Opaque(symbols(grid.tokens)), grid.tokens), other)]
        parts = _components(other)
        return [(grid, parts)] if parts else []
    rows = [item.items for item in other.items if isinstance(item, tree.Several)]
    if rows and len(rows) == len(other.items) and other.brackets not in UNORDERED:  # [[1, 2], [3, 4]]
        return [(grid, tree.Grid(tuple(rows)))]
    is_vector = len(grid.rows) == 1 or all(len(row) == 1 for row in grid.rows)
    return [(tree.Several("()", tuple(cell for row in grid.rows for cell in row)), other)] if is_vector else []


def _components(value: tree.Value) -> tree.Several | None:
    r"""``(2, -3)`` of ``2\mathbf{i} - 3\mathbf{j}``; None where there are no unit vectors, or something beside them."""
    node = value.node
    axes = [axis for axis in "ijk" if f"unit {axis}" in tree.names(node)]
    if not axes or equal(_along(node, ""), Fraction(0)) is not True:
        return None
    return tree.Several(
        "()", tuple(tree.Value(_along(node, axis), value.tokens) for axis in ("ijk" if "k" in axes else "ij"))
    )


def _along(node: tree.Node, axis: str) -> tree.Node:
    """``node`` with 1 for one unit vector and 0 for the others."""
    return tree.renamed(node, {f"unit {other}": Fraction(other == axis) for other in "ijk"})


def _by_remainder(cases: tree.Several, formula: tree.Value) -> Pairs:
    r"""``n/2`` and ``\lfloor n/2 \rfloor`` at ``2n``, and so on for each of ``cases`` by the remainder of ``n``; none
    for cases of another kind, or that are not all."""
    (letter, *others), pairs, part = (*sorted(tree.names(formula.node)), ""), [], Fraction(0)
    for value, condition in (
        item.items for item in cases.items if isinstance(item, tree.Several) and len(item.items) == 2
    ):
        match value, condition:
            case tree.Value(), tree.Statement(("remainders of", modulus, *rests, "", "1")):
                pass
            case _:
                return []
        for rest in rests:
            number = tree.Operation("+", (tree.product(Fraction(modulus), letter), Fraction(rest)))
            both = (tree.renamed(node, {letter: number}) for node in (value.node, formula.node))
            pairs.append(tuple(tree.Value(node, ()) for node in both))
            part += Fraction(1, int(modulus))
    return pairs if part == 1 and others == [""] and letter in COUNTERS else []


def _labelled_behind(several: tree.Several, labels: Sequence[str]) -> tree.Named | None:
    """``12 (Bob), 8 (Alice)`` by name, where ``labels`` has these; None where values have no such words behind them."""
    values = [item for item in several.items if isinstance(item, tree.Value)]
    words = ([Token("word", word, word) for word in value.unit.split()] for value in values)
    behind = tuple(str(read_name(tuple(tokens))) for tokens in words)
    is_labelled = len(values) == len(several.items) and not {*behind}.isdisjoint(labels)
    return tree.Named(behind, tuple(tree.Value(value.node, value.tokens) for value in values)) if is_labelled else None
