"""Trees of expressions (numbers, names, and operations on these), and the kinds of answers that hold them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from operator import attrgetter

from dgpo.verifier.text.tokens import Tokens

CONSTANTS = frozenset(("pi", "e", "i", "infinity"))
SERIES = frozenset(("sum", "prod"))
BOUND = "#"
"""The first character of the letter that a sum or a product binds."""
_is_decimal = attrgetter("is_decimal")


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of its operands. ``+`` and ``*`` take any number; ``-`` and ``/`` take one, and negate and invert.

    ``call`` is a name before a number or a letter in brackets, ``y(0)``: an unknown function, or a product.

    Attributes:
        names: The variables in it.
        functions: The operations in it, its own too.
        size: How many operations it has, its own too.
    """

    function: str
    operands: tuple["Node", ...]
    names: frozenset[str] = field(init=False, compare=False, repr=False)
    functions: frozenset[str] = field(init=False, compare=False, repr=False)
    size: int = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        inner = [operand for operand in self.operands if isinstance(operand, Operation)]
        bound = self.operands[1:2] if self.function in SERIES else ()
        object.__setattr__(self, "names", frozenset().union(*map(names, self.operands)).difference(bound))
        object.__setattr__(self, "functions", frozenset((self.function,)).union(*(part.functions for part in inner)))
        object.__setattr__(self, "size", 1 + sum(part.size for part in inner))
        object.__setattr__(self, "_hash", hash((self.function, self.operands)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Opaque:
    r"""What no rule reads as algebra, ``\int x\,dx``: equal to what has the same symbols, and without a value."""

    symbols: tuple[str, ...]


Node = Fraction | str | Operation | Opaque
"""A number, a name (one of `CONSTANTS` or a variable), an operation on others, or what cannot be read."""


def names(node: Node) -> frozenset[str]:
    """The variables in ``node``."""
    if isinstance(node, Operation):
        return node.names
    return frozenset((node,)) - CONSTANTS if isinstance(node, str) else frozenset()


def functions(node: Node) -> frozenset[str]:
    """The operations in ``node``."""
    return node.functions if isinstance(node, Operation) else frozenset()


def subtrees(node: Node) -> Iterator[Node]:
    """``node`` and all nodes in it."""
    yield node
    if isinstance(node, Operation):
        for operand in node.operands:
            yield from subtrees(operand)


def operations(node: Node, function: str) -> Iterator[Operation]:
    """The operations in ``node`` with that function."""
    for part in subtrees(node) if function in functions(node) else ():
        if isinstance(part, Operation) and part.function == function:
            yield part


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """``node`` with each of its subtrees changed, the innermost first."""
    if isinstance(node, Operation):
        node = Operation(node.function, tuple(rebuilt(operand, change) for operand in node.operands))
    return change(node)


def renamed(node: Node, new: Mapping[str, Node]) -> Node:
    """``node`` with other names, or values, for some of its variables and constants."""
    return rebuilt(node, lambda part: new.get(part, part) if isinstance(part, str) else part) if new else node


def with_axes(node: Node) -> Node:
    """``2i + 3j`` as a sum of unit vectors; other trees as they are, ``3 + 4j`` too."""
    if "j" not in names(node) or not functions(node) <= {*"+-*/", "root"}:
        return node
    axes = {part for part in subtrees(node) if isinstance(part, str)}
    is_vector = len(axes) > 1 and axes <= {*"ijk"}
    return renamed(node, {axis: f"unit {axis}" for axis in axes}) if is_vector else node


def product(*factors: Node) -> Node:
    return factors[0] if len(factors) == 1 else Operation("*", factors)


def minus(left: Node, right: Node) -> Node:
    return Operation("+", (left, Operation("-", (right,))))


def chosen(letter: str, above: Node, below: Node) -> Node:
    """The number of combinations (C) or permutations (P, A)."""
    combinations = Operation("binom", (above, below))
    return combinations if letter == "C" else product(combinations, Operation("!", (below,)))


def quotient(above: Node, below: Node) -> Node:
    return Operation("*", (above, Operation("/", (below,))))


@dataclass(frozen=True, slots=True)
class Value:
    """An expression with its unit.

    Attributes:
        node: Its tree.
        unit: In one spelling, '' for none; ``%`` is per cent.
        tokens: The expression without the unit.
    """

    node: Node
    tokens: Tokens = field(compare=False)
    unit: str = ""

    @property
    def is_opaque(self) -> bool:
        return isinstance(self.node, Opaque)

    @property
    def is_decimal(self) -> bool:
        return any(map(_is_decimal, self.tokens))


BELOW, ABOVE = Value(Operation("-", ("infinity",)), ()), Value("infinity", ())
"""Minus infinity and infinity, as ends of intervals."""


@dataclass(frozen=True, slots=True)
class Several:
    """A list (brackets ''), a set ('{}'), or a tuple or an interval of two ends ('()', '[]', '[)', '(]').

    ``name``: the unknown of ``x = 1, 2``, '' for none. ``is_ordered``: the answers to several blanks, ``5; 7``.
    ``is_either``: joined by ``or``.
    """

    brackets: str
    items: tuple["Answer", ...]
    name: str = ""
    is_ordered: bool = field(default=False, compare=False)
    is_either: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval: its brackets ("[)" is closed on the left alone) and its ends."""

    brackets: str
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Region:
    """A set of numbers, of a variable ('' for none): those of a kind in a union of intervals.

    ``kind``: the letter of Z, Q, R, C or P (primes), '' where none is told.
    """

    variable: str
    pieces: tuple[Piece, ...]
    tokens: Tokens = field(default=(), compare=False)
    kind: str = ""

    @property
    def is_whole(self) -> bool:
        return self.kind == "Z"


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix, by rows."""

    rows: tuple[tuple["Answer", ...], ...]
    tokens: Tokens = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Equation:
    """Sides joined by ``=``, from the one at index ``approximate`` on by ``\\approx``."""

    sides: tuple[Tokens, ...]
    approximate: int


@dataclass(frozen=True, slots=True)
class Named:
    """The values of several unknowns by name: ``x = 1, y = 2``."""

    names: tuple[str, ...]
    items: tuple["Answer", ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """``3:4``, or a time; ``half`` is ``am`` or ``pm``, '' where none is written."""

    terms: tuple[Value, ...]
    half: str = ""

    def shares(self) -> list[Value]:
        """``2/3`` and ``1/3`` of ``2:1:3``: each term over the last."""
        *terms, last = self.terms
        return [Value(quotient(term.node, last.node), (*term.tokens, *last.tokens)) for term in terms]


@dataclass(frozen=True, slots=True)
class Given:
    r"""A value with the numbers that letters in it may be, ``2^n for n \ge 1``."""

    value: "Answer"
    conditions: Mapping[str, Region] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """Words, or a relation that is no set of numbers."""

    symbols: tuple[str, ...]
    tokens: Tokens = field(compare=False)
    is_words: bool = False


Answer = Value | Several | Region | Grid | Equation | Named | Ratio | Given | Statement
