"""What a comparison makes of a tree: equations as differences, ratios as quotients, vectors as tuples."""

from fractions import Fraction

from dgpo.verifier import policy, values
from dgpo.verifier.grammar import read_answer
from dgpo.verifier.splitting import split
from dgpo.verifier.tokens import Tokens, renamed
from dgpo.verifier.tree import Answer, Equation, Named, Node, Operation, Ratio, Several, Value, names, product, quotient


def spread(tree: Answer, other: Answer) -> Answer:
    """``x = y = z = 1`` as ``(1, 1, 1)``, or by name, where ``other`` has several values."""
    if not isinstance(tree, Equation) or not isinstance(other, Named | Several) or not (letters := policy.chain(tree)):
        return tree
    values = (read_answer(tree.sides[-1]),) * len(letters)
    return Named(letters, values) if isinstance(other, Named) else Several("()", values)


def as_positive(tokens: Tokens) -> tuple[bool, values.Number] | None:
    """Whether an inequality is strict, and what it says is positive."""
    sides, signs = split(tokens, "relation")
    if len(signs) != 1 or signs[0].value not in ("<", ">", "<=", ">="):
        return None
    relation = str(signs[0].value)
    positive = difference(*(sides if relation.startswith(">") else reversed(sides)))
    return (len(relation) == 1, positive) if positive else None


def as_zero(equation: Equation) -> values.Number | None:
    """Left side less right side."""
    return difference(*equation.sides) if len(equation.sides) == 2 else None


def difference(one: Tokens, two: Tokens) -> values.Number | None:
    left, right = read_answer(one), read_answer(two)
    if not isinstance(left, Value) or not isinstance(right, Value) or left.node is None or right.node is None:
        return None
    return values.Number(
        Operation("+", (left.node, Operation("-", (right.node,)))), left.is_decimal or right.is_decimal
    )


def definitions(gold: Equation, answer: Equation) -> tuple[Answer, Answer] | None:
    """Two definitions of a function, in the variable of the first."""
    one, two = policy.definition(gold), policy.definition(answer)
    if not one or not two or one[0] == two[0]:
        return None
    if any(token.kind == "name" and token.value == one[0] for token in two[1]):
        return None
    return read_answer(one[1]), read_answer(renamed(two[1], {two[0]: one[0]}))


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
    if node is None or not any(name.startswith("unit ") for name in names(node)):
        return None
    parts: dict[str, Node] = {}
    for term in node.operands if isinstance(node, Operation) and node.function == "+" else (node,):
        sign, body = (True, term.operands[0]) if isinstance(term, Operation) and term.function == "-" else (False, term)
        factors = list(body.operands) if isinstance(body, Operation) and body.function == "*" else [body]
        units = [factor for factor in factors if isinstance(factor, str) and factor.startswith("unit ")]
        if len(units) != 1 or units[0] in parts:
            return None
        factors.remove(units[0])
        scale = product(*factors) if factors else Fraction(1)
        parts[units[0]] = Operation("-", (scale,)) if sign else scale
    count = 3 if "unit k" in parts else 2
    nodes = [parts.get(f"unit {axis}", Fraction(0)) for axis in "ijk"[:count]]
    return Several("()", tuple(Value(node, value.tokens) for node in nodes))
