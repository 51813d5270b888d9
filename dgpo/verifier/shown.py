"""A tree as a person reads it: its kind and its parts."""

from dgpo.verifier.nodes import Node, Operation
from dgpo.verifier.splitting import plain
from dgpo.verifier.tree import (
    Answer,
    Clock,
    Equation,
    Given,
    Grid,
    Infinite,
    Named,
    Piece,
    Ratio,
    Region,
    Several,
    Statement,
    Value,
)

_SETS = {"{}": "set", "": "list", "()": "tuple", "[]": "pair", "[)": "pair", "(]": "pair"}


def shown(tree: Answer | Piece) -> str:
    match tree:
        case Value():
            unit = f" [{tree.unit}]" if tree.unit else ""
            kind = " (decimal)" if tree.is_decimal else ""
            return (plain(tree.tokens) if tree.node is None else formula(tree.node)) + kind + unit
        case Infinite():
            return "-infinity" if tree.is_negative else "infinity"
        case Several():
            return f"{_SETS[tree.brackets]}({'; '.join(map(shown, tree.items))})"
        case Piece():
            return f"{tree.brackets[0]}{shown(tree.low)}; {shown(tree.high)}{tree.brackets[1]}"
        case Region():
            return f"numbers {tree.variable} in {' and '.join(map(shown, tree.pieces))}".replace("  ", " ")
        case Grid():
            return f"matrix({' / '.join('; '.join(map(shown, row)) for row in tree.rows)})"
        case Equation():
            return f"equation({' = '.join(map(plain, tree.sides))})"
        case Named():
            return "; ".join(f"{name} = {shown(item)}" for name, item in zip(tree.names, tree.items, strict=True))
        case Ratio():
            return f"ratio({' : '.join(map(shown, tree.terms))})"
        case Clock():
            return f"time({':'.join(tree.time)} {tree.half})"
        case Given():
            condition = (
                " ".join(tree.condition or ("any", "_")).replace("whole", "_ is whole").replace("_", tree.letter)
            )
            return f"{shown(tree.value)}, if {condition}"
        case Statement():
            return f"{'words' if tree.is_words else 'relation'}({plain(tree.tokens)})"


def formula(node: Node) -> str:
    """``(+ x (* 2 y))`` of a tree."""
    if isinstance(node, Operation):
        return f"({node.function} {' '.join(map(formula, node.operands))})"
    return str(node)
