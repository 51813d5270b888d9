"""What a comparison makes of a tree: equations as differences, ratios as quotients, vectors as tuples."""

import re
from fractions import Fraction

from dgpo.verifier import policy
from dgpo.verifier.grammar import read_answer
from dgpo.verifier.splitting import split
from dgpo.verifier.tokens import Token, Tokens, has
from dgpo.verifier.tokens import renamed as with_letters
from dgpo.verifier.tree import Answer, Equation, Named, Node, Operation, Ratio, Several, Value, names, quotient, renamed
from dgpo.verifier.values import equal

_SYMBOL = re.compile(r"[A-Za-z](?:_\w+)?|[A-Z]{2,4}")


def spread(tree: Answer, other: Answer) -> Answer:
    """``x = y = z = 1`` as ``(1, 1, 1)``, or by name, where ``other`` has several values."""
    if not isinstance(tree, Equation) or not isinstance(other, Named | Several) or not (letters := policy.chain(tree)):
        return tree
    values = (read_answer(tree.sides[-1]),) * len(letters)
    return Named(letters, values) if isinstance(other, Named) else Several("()", values)


def in_order_of(gold: Named, answer: Named) -> tuple[Answer, ...] | None:
    """The values of ``answer`` in the order of ``gold``'s names; None where only some symbols are the same, AB and BC
    beside AB and AC. Other names are other words for the same things, in order."""
    by_name = dict(zip(answer.names, answer.items, strict=True))
    if set(by_name) == set(gold.names):
        return tuple(by_name[name] for name in gold.names)
    others = set(by_name) ^ set(gold.names)
    is_partial = len(others) < len(by_name) + len(gold.names) and all(map(_SYMBOL.fullmatch, others))
    return None if is_partial else answer.items


def beside_equations(tree: Several | Named, other: Several) -> Several | None:
    """``y = x, y = -x`` and ``x = 3, y = 2x``, which are read as values, as equations where ``other`` has some."""
    names = tree.names if isinstance(tree, Named) else (tree.name,) * len(tree.items)
    if not all(names) or not any(isinstance(item, Equation) for item in other.items):
        return None
    items = (
        Equation(((Token("name", name, name),), item.tokens), 2) if isinstance(item, Value) else item
        for name, item in zip(names, tree.items, strict=True)
    )
    return Several("", tuple(items))


def as_positive(tokens: Tokens) -> tuple[bool, Node] | None:
    """Whether an inequality is strict, and what it says is positive."""
    sides, signs = split(tokens, "relation")
    if len(signs) != 1 or signs[0].value not in ("<", ">", "<=", ">="):
        return None
    relation = str(signs[0].value)
    positive = difference(*(sides if relation.startswith(">") else reversed(sides)))
    return (len(relation) == 1, positive) if positive else None


def as_zero(equation: Equation) -> Node | None:
    """Left side less right side."""
    return difference(*equation.sides) if len(equation.sides) == 2 else None


def difference(one: Tokens, two: Tokens) -> Node | None:
    left, right = read_answer(one), read_answer(two)
    if not isinstance(left, Value) or not isinstance(right, Value) or left.node is None or right.node is None:
        return None
    return Operation("+", (left.node, Operation("-", (right.node,))))


def definitions(gold: Equation, answer: Equation) -> tuple[Answer, Answer] | None:
    """Two definitions of a function, in the variable of the first."""
    one, two = policy.definition(gold), policy.definition(answer)
    if not one or not two or one[0] == two[0]:
        return None
    if has(two[1], "name", one[0]):
        return None
    return read_answer(one[1]), read_answer(with_letters(two[1], {two[0]: one[0]}))


def shares(ratio: Ratio) -> list[Value]:
    """Each term over the last."""
    *terms, last = ratio.terms
    return [
        Value(quotient(term.node, last.node), (*term.tokens, *last.tokens))
        for term in terms
        if term.node is not None and last.node is not None
    ]


def components(value: Value) -> Several | None:
    r"""``(2, -3)`` of ``2\mathbf{i} - 3\mathbf{j}``."""
    node = value.node
    axes = [axis for axis in "ijk" if node is not None and f"unit {axis}" in names(node)]
    if node is None or not axes or equal(_along(node, ""), Fraction(0)) is not True:
        return None
    return Several("()", tuple(Value(_along(node, axis), value.tokens) for axis in ("ijk" if "k" in axes else "ij")))


def _along(node: Node, axis: str) -> Node:
    """``node`` with 1 for one unit vector and 0 for the others."""
    return renamed(node, {f"unit {other}": Fraction(other == axis) for other in "ijk"})
