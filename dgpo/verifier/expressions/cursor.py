"""A position in a sequence of tokens, and how the next number or name is read from there."""

import re
from collections.abc import Sequence
from fractions import Fraction

from dgpo.verifier.expressions.tree import Node, Operation
from dgpo.verifier.text.splitting import group_end
from dgpo.verifier.text.tokens import END, Kind, Token, has

_DERIVATIVE = re.compile(
    r"frac\{(?P<mark>d|partial)(?P<order>\^\{?2\}?)?([a-zA-Z]{1,3})\}\{(?P=mark)([a-zA-Z]+)(?(order)\^\{?2\}?)\}"
)
_ANGLES = frozenset(("alpha", "beta", "gamma", "theta", "phi"))
"""Names that are the whole argument of a function: ``\\sin\\theta/k``."""
_IN_A_SCRIPT = frozenset(("number", "name", "word", "function", "sign", "join", "infinity", "command"))


class NotAlgebra(Exception):
    """The tokens are no algebra, or have more than one reading."""


class Cursor:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = [*tokens]
        self._at = 0
        self._depth = 0
        self._in_trigonometry = False

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _symbol(self, ahead: int) -> Sequence[Token]:
        """The symbol that stands so many tokens ahead, or the group that opens there."""
        return self._tokens[self._at + ahead : group_end(self._tokens, self._at + ahead)]

    def _take(self, kind: Kind, *values: str) -> Token | None:
        """The next token if it is of that kind, and moves behind it; else None, and stays."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else END
        if token.kind != kind or (values and token.value not in values):
            return None
        self._at += 1
        return token

    def _need(self, kind: Kind, *values: str) -> Token:
        token = self._take(kind, *values)
        if token is None:
            raise NotAlgebra
        return token

    def _number(self) -> Fraction:
        r"""A number, with the fraction behind it where it is a mixed one: ``1\frac{3}{4}``, ``1 3/4``."""
        token = self._next()
        following = self._tokens[self._at : self._at + 7]
        kinds = [part.kind for part in following]
        if kinds == ["command", "open", "number", "close", "open", "number", "close"] and following[0].value == "frac":
            above, below, width = following[2].value, following[5].value, 7
        elif kinds[:3] == ["number", "sign", "number"] and following[1].value == "/" and following[0].is_spaced:
            above, below, width = following[0].value, following[2].value, 3
        elif kinds[:1] == ["number"]:
            raise NotAlgebra
        else:
            return Fraction(token.value)
        whole, above, below = (Fraction(value) for value in (token.value, above, below))
        are_whole = whole.denominator == above.denominator == below.denominator == 1
        if token.is_decimal or not are_whole or not 0 < above < below:
            raise NotAlgebra
        self._at += width
        return whole + above / below

    def _derivative(self) -> str | None:
        r"""``\frac{dy}{dx}`` and ``\frac{d^2y}{dx^2}`` as names."""
        text = "".join(str(token.value) for token in self._tokens[self._at : self._at + 18])
        match = _DERIVATIVE.match(text)
        if not match:
            return None
        width = match.end()
        while width:
            width -= len(str(self._next().value))
        mark, order = match["mark"], "2" if match["order"] else ""
        return f"{mark}{order}{match[3]}/{mark}{match[4]}{order}"

    def _name_alone(self) -> str:
        r"""A name with its index and its primes: ``x_{12}``, ``I_{\max}``, ``\omega_L'``."""
        name = str(self._next().value)
        while (sign := self._peek().value) in ("_", "'"):
            self._next()
            name += "'" if sign == "'" else f"_{self._index()}"
        return name

    def _index(self) -> str:
        if not self._take("open", "{"):
            return self._written()
        text = ""
        while not self._take("close", "}"):
            text += self._written()
        return text

    def _written(self) -> str:
        token = self._next()
        if token.kind not in _IN_A_SCRIPT:
            raise NotAlgebra
        return str(token.value)

    def _ends_argument(self, factors: list[Node], base: Node) -> bool:
        r"""Whether a bare argument clearly ends before the next token, as the same letter comes again or a function:
        ``\sin x \cdot x``, ``\ln x/x`` and ``\sin x(1 + \cos x)``, not ``\ln x/(x + 1)`` or ``\sin k(x - ct)``.
        """
        token, group, after = self._peek(), self._symbol(0), self._symbol(1)
        if token.is_("open", "(", "["):
            is_clear = self._in_trigonometry or has(group, "function")  # not \ln x(x + 1)
            return is_clear and has(group, "name", str(factors[-1]))
        if token.is_("sign", "*", "/"):
            is_again = has(after[:1], "function") or has(after, "name", str(base))
            is_angle = token.value == "/" and has(after, "name") and {*factors} <= _ANGLES  # \sin\theta/k
            return (is_again or is_angle) and (token.value == "*" or len(after) == 1)
        return token.kind in ("end", "close", "function", "bar", "degree", "join") or token.is_("sign", "+", "-")


def signed(sign: Token | None, node: Node) -> Node:
    """``node`` behind a sign: its negative behind a minus."""
    return Operation("-", (node,)) if sign and sign.value == "-" else node
