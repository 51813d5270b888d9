"""The tokens that the lexer makes of a text, and small questions about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from operator import attrgetter
from typing import Literal

Kind = Literal[
    "number", "name", "function", "command", "sign", "relation", "join", "open", "close", "bar", "word", "degree",
    "percent", "money", "infinity", "empty", "field", "row", "cell", "dots", "end",
]  # fmt: skip


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_PRODUCT, MAX_WORDLESS = 3, 8
"""Up to so many letters in a row may be a product, and up to so many where no word has such letters (``mghr``)."""
_VOWELS, _USUAL = frozenset("aeiou"), frozenset("abcdewxyz")
NO_PRODUCTS = vocabulary("to on of by in is at no if for all any the mod per yes odd not it one two six ten sec")
"""Short words, which are no products of letters."""


@dataclass(frozen=True, slots=True)
class Token:
    """One symbol of a text.

    Attributes:
        value: The number, or the one spelling of whatever else it is.
        latex: Its spelling in LaTeX.
        is_spaced: White space stands before it.
        is_worded: It stands in ``\\text{}`` or the like.
        is_decimal: It is a number with a point or an exponent, and no repeating digits.
        groups: ``("1", "234")`` of ``1,234``, which are two numbers in a list.
    """

    kind: Kind
    value: str | Fraction = field(hash=False)  # the hash of a fraction is slow
    latex: str
    is_spaced: bool = False
    is_worded: bool = False
    is_decimal: bool = False
    groups: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """A word in lower case, '' for any other symbol."""
        return str(self.value).lower() if self.kind == "word" else ""

    @property
    def is_run(self) -> bool:
        """Letters in a row that may be a product: ``ab``, ``at``."""
        letters = str(self.value).lower()
        is_no_word = len(letters) <= MAX_WORDLESS and (_VOWELS.isdisjoint(letters) or _USUAL.issuperset(letters))
        is_short = (len(letters) <= MAX_PRODUCT or is_no_word) and letters not in ("yes", "no")
        return is_short and letters.isascii() and letters.isalpha() and not self.is_worded

    @property
    def is_product(self) -> bool:
        """Letters in a row that are a product, whatever stands beside them."""
        return self.is_run and str(self.value).lower() not in NO_PRODUCTS

    def is_(self, kind: Kind, *values: str) -> bool:
        return self.kind == kind and (not values or self.value in values)


Tokens = tuple[Token, ...]
_kind = attrgetter("kind")
END = Token("end", "", "")
"""What follows the last token."""
PLUS, MINUS, TIMES = Token("sign", "+", "+"), Token("sign", "-", "-"), Token("sign", "*", r"\cdot ")
EQUALS = Token("relation", "=", " = ")
OPEN, CLOSE, COMMA = Token("open", "(", "("), Token("close", ")", ")"), Token("join", ",", ", ")


def has(tokens: Sequence[Token], kind: Kind, *values: str) -> bool:
    """Whether one of ``tokens`` is of ``kind`` and, where there are ``values``, has one of them."""
    return any(token.kind == kind and (not values or token.value in values) for token in tokens)


def has_any(tokens: Sequence[Token], *kinds: Kind) -> bool:
    """Whether one of ``tokens`` is of one of the kinds."""
    return not {*map(_kind, tokens)}.isdisjoint(kinds)


class Unreadable(Exception):
    """The text is too long or nested too deep, or its braces do not close."""


def renamed(tokens: Sequence[Token], new: dict[str, str], kind: Kind = "name") -> Tokens:
    """``tokens`` with the names in ``new`` replaced, or other tokens of ``kind``."""
    values = ((token, new.get(str(token.value)) if token.kind == kind else None) for token in tokens)
    return tuple(replace(token, value=value, latex=value) if value else token for token, value in values)


def latex(tokens: Sequence[Token]) -> str:
    """The LaTeX of ``tokens``."""
    text = ""
    for token in tokens:
        is_run_on = text[-1:].isalnum() and token.latex[:1].isalnum()
        text += f" {token.latex}" if is_run_on else token.latex
    return text
