"""The tree of an algebraic expression: numbers, names, and operations on others."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

CONSTANTS = frozenset(("pi", "e", "i"))


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of its operands. ``+`` and ``*`` take any number; ``-`` and ``/`` take one, and negate and invert.

    ``call`` is a name before a number or a letter in brackets, ``y(0)``: an unknown function, or a product.
    """

    function: str
    operands: tuple["Node", ...]


Node = Fraction | str | Operation
"""A number, a name (one of `CONSTANTS` or a variable), or an operation on others."""


def leaves(node: Node) -> Iterator[Fraction | str]:
    """The numbers and names in ``node``."""
    if isinstance(node, Operation):
        for operand in node.operands:
            yield from leaves(operand)
    else:
        yield node


def functions(node: Node) -> Iterator[str]:
    """The operations in ``node``."""
    if isinstance(node, Operation):
        yield node.function
        for operand in node.operands:
            yield from functions(operand)


def product(*factors: Node) -> Node:
    return factors[0] if len(factors) == 1 else Operation("*", factors)


def quotient(above: Node, below: Node) -> Node:
    return Operation("*", (above, Operation("/", (below,))))
