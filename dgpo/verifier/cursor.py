"""A place in a row of tokens, and the names that are read there."""

from collections.abc import Sequence
from fractions import Fraction

from dgpo.verifier.spelling import vocabulary
from dgpo.verifier.tokens import Token

END = Token("end", "", "")
MAX_PRODUCT = 3
"""More letters in a row are a word."""
_NO_PRODUCTS = vocabulary("to on of by in is at no if for all any the mod per yes odd not is it one two six ten")
"""Short words."""


class NotAlgebra(Exception):
    """The tokens are no algebra that has a single reading."""


class Cursor:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._in_trigonometry = False

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else END

    def _number(self) -> Fraction:
        """A number, with the fraction behind it where it is a mixed one: ``1\\frac{3}{4}``, ``1 3/4``."""
        token = self._next()
        whole = token.value
        assert isinstance(whole, Fraction)
        following = self._tokens[self._at : self._at + 7]
        kinds = [part.kind for part in following]
        part, width = None, 0
        if kinds == ["command", "open", "number", "close", "open", "number", "close"] and following[0].value == "frac":
            part, width = (following[2], following[5]), 7
        elif kinds[:3] == ["number", "sign", "number"] and following[1].value == "/" and following[0].is_spaced:
            part, width = (following[0], following[2]), 3
        if part is None:
            if self._peek().kind == "number":
                raise NotAlgebra
            return whole
        above, below = part[0].value, part[1].value
        assert isinstance(above, Fraction) and isinstance(below, Fraction)
        is_mixed = token.kind == "number" and not token.is_decimal and whole.denominator == 1 and 0 < above < below
        if not is_mixed or above.denominator != 1 or below.denominator != 1:
            raise NotAlgebra
        self._at += width
        return whole + above / below

    def _name_here(self) -> str:
        """A name with its index and its primes: ``x_{12}``, ``I_{\\max}``, ``\\omega_L'``."""
        token = self._next()
        name = str(token.value)
        power: list[Token] = []
        while True:
            if self._peek().is_("sign", "_"):
                self._next()
                name += "_" + "".join(self._script())
            elif self._peek().is_("sign", "'"):
                self._next()
                name += "'"
            elif self._prime_script():
                name += "'"
            elif width := self._power_before_index():
                power = list(self._tokens[self._at : self._at + width])
                self._at += width
            else:
                break
        if power:
            self._tokens = [*self._tokens[: self._at], *power, *self._tokens[self._at :]]
        return name

    def _prime_script(self) -> bool:
        for pattern in (("^", "'"), ("^", "{", "'", "}")):
            if tuple(str(t.value) for t in self._tokens[self._at : self._at + len(pattern)]) == pattern:
                self._at += len(pattern)
                return True
        return False

    def _power_before_index(self) -> int:
        """The width of the power in ``v^2_0`` and ``v^{2}_{0}``, 0 for none."""
        kinds = [token.kind for token in self._tokens[self._at : self._at + 5]]
        for width, shape in ((2, ["sign", "number", "sign"]), (4, ["sign", "open", "number", "close", "sign"])):
            is_there = kinds[: len(shape)] == shape and self._tokens[self._at].value == "^"
            if is_there and self._tokens[self._at + width].value == "_":
                return width
        return 0

    def _script(self) -> list[str]:
        if not self._peek().is_("open", "{"):
            return [_written(self._next())]
        self._next()
        parts = []
        while not self._peek().is_("close", "}"):
            if self._peek().kind in ("end", "open"):
                raise NotAlgebra
            parts.append(_written(self._next()))
        self._next()
        return parts

    def _derivative(self) -> str | None:
        r"""``\frac{dy}{dx}`` as a name."""
        shape = self._tokens[self._at : self._at + 9]
        text = "".join(str(t.value) for t in shape)
        for mark in ("d", "partial"):
            inner = text.removeprefix(f"frac{{{mark}")
            above, _, rest = inner.partition(f"}}{{{mark}")
            below, closed, _ = rest.partition("}")
            if inner != text and closed and above and below and above.isalpha() and below.isalpha() and len(above) < 4:
                count = 0
                while count < 2:
                    count += self._next().is_("close", "}")
                return f"{mark}{above}/{mark}{below}"
        return None

    def _letters_here(self) -> str:
        """Letters in a row that are no word."""
        token = self._next()
        letters = str(token.value)
        is_alone = self._at > 1 and self._tokens[self._at - 2].is_("open", "{")
        is_differential = (
            letters[0] == "d"
            and len(letters) == 2
            and is_alone
            and (self._peek().is_("close", "}") or self._peek().is_("sign", "^"))
        )
        if (
            token.is_worded
            or len(letters) > MAX_PRODUCT
            or not letters.isalpha()
            or not letters.isascii()
            or is_differential
        ):
            raise NotAlgebra
        before = self._tokens[self._at - 2] if self._at > 1 else END
        is_between = before.kind in ("name", "number", "close") or self._peek().kind in ("name", "number", "open")
        if letters.lower() in _NO_PRODUCTS and is_between:
            raise NotAlgebra
        return letters


def _written(token: Token) -> str:
    if token.kind not in ("number", "name", "word", "function", "sign", "join", "infinity", "command"):
        raise NotAlgebra
    return str(token.value)
