"""The kinds of answers, as the grammar reads them and the comparison compares them."""

from dataclasses import dataclass, field

from dgpo.verifier.nodes import Node
from dgpo.verifier.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Value:
    """An expression with its unit.

    Attributes:
        node: Its tree, or None where algebra does not read it: only its spelling and math-verify can tell then.
        unit: In one spelling, '' for none; ``%`` is per cent.
        tokens: The expression without the unit.
        spelling: What tells two apart that have no tree.
    """

    node: Node | None
    tokens: Tokens = field(compare=False)
    unit: str = ""
    is_decimal: bool = False
    spelling: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Infinite:
    is_negative: bool


@dataclass(frozen=True, slots=True)
class Several:
    """A list (brackets ''), a set ('{}'), or a tuple or an interval of two ends ('()', '[]', '[)', '(]').

    ``is_quantity``: of values with units side by side, ``2 h 30 min``. ``name``: of the unknown, ``x = 1, 2``.
    """

    brackets: str
    items: tuple["Answer", ...]
    is_quantity: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval: its brackets ("[)" is closed on the left alone) and its ends."""

    brackets: str
    low: "Value | Infinite"
    high: "Value | Infinite"


@dataclass(frozen=True, slots=True)
class Region:
    """A set of real numbers: a union of intervals, of a variable ('' for none)."""

    variable: str
    pieces: tuple[Piece, ...]
    tokens: Tokens = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix, by rows."""

    rows: tuple[tuple["Answer", ...], ...]
    tokens: Tokens = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Equation:
    """Sides joined by ``=``. What they claim is policy; ``approximate`` is the side from which on they only round."""

    sides: tuple[Tokens, ...]
    approximate: int


@dataclass(frozen=True, slots=True)
class Named:
    """The values of several unknowns by name: ``x = 1, y = 2``."""

    names: tuple[str, ...]
    items: tuple["Answer", ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    terms: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    time: tuple[str, ...]
    half: str


@dataclass(frozen=True, slots=True)
class Given:
    r"""A value and what a letter in it may be: ``2^n for n \ge 1``, ``2k\pi, k \in Z``. No condition is any number."""

    value: "Answer"
    letter: str = ""
    condition: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """Words, or relations that are no set of numbers: the same where all symbols are, and else math-verify's matter.

    ``is_words``: of words, or of signs that no grammar has, which only the same symbols equal.
    """

    symbols: tuple[str, ...]
    tokens: Tokens = field(compare=False)
    is_words: bool = False


Answer = Value | Infinite | Several | Region | Grid | Equation | Named | Ratio | Clock | Given | Statement
