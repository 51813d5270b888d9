"""The tree of an algebraic expression: numbers, names, and operations on others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

CONSTANTS = frozenset(("pi", "e", "i"))


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of its operands. ``+`` and ``*`` take any number; ``-`` and ``/`` take one, and negate and invert.

    ``call`` is a name before a number or a letter in brackets, ``y(0)``: an unknown function, or a product.

    Attributes:
        names: The variables in it.
        functions: The operations in it, its own too.
    """

    function: str
    operands: tuple["Node", ...]
    names: frozenset[str] = field(init=False, compare=False, repr=False)
    functions: frozenset[str] = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        inner = [operand.functions for operand in self.operands if isinstance(operand, Operation)]
        object.__setattr__(self, "names", frozenset().union(*map(names, self.operands)))
        object.__setattr__(self, "functions", frozenset((self.function,)).union(*inner))
        object.__setattr__(self, "_hash", hash((self.function, self.operands)))

    def __hash__(self) -> int:
        return self._hash


Node = Fraction | str | Operation
"""A number, a name (one of `CONSTANTS` or a variable), or an operation on others."""


def names(node: Node) -> frozenset[str]:
    """The variables in ``node``."""
    if isinstance(node, Operation):
        return node.names
    return frozenset((node,)) - CONSTANTS if isinstance(node, str) else frozenset()


def functions(node: Node) -> frozenset[str]:
    """The operations in ``node``."""
    return node.functions if isinstance(node, Operation) else frozenset()


def subtrees(node: Node) -> Iterator[Node]:
    """``node`` and all that is in it."""
    yield node
    if isinstance(node, Operation):
        for operand in node.operands:
            yield from subtrees(operand)


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """``node`` with each of its subtrees changed, the innermost first."""
    if isinstance(node, Operation):
        node = Operation(node.function, tuple(rebuilt(operand, change) for operand in node.operands))
    return change(node)


def renamed(node: Node, new: dict[str, str]) -> Node:
    """``node`` with other names for some of its variables."""
    return rebuilt(node, lambda part: new.get(part, part) if isinstance(part, str) else part)


def product(*factors: Node) -> Node:
    return factors[0] if len(factors) == 1 else Operation("*", factors)


def quotient(above: Node, below: Node) -> Node:
    return Operation("*", (above, Operation("/", (below,))))
