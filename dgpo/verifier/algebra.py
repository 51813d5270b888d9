r"""Tokens of algebra as a tree: ``\frac{n(n+1)}{2}``, ``2\sqrt{3}\sin^2 x``, ``1\frac12 x``, ``\max(a, b)``.

A recursive descent. What can be read in more than one way (``f(x)``, ``1/2x``, ``\sin x \cdot y``) is not read at all,
and left to the symbolic stage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dgpo.verifier.lexer import Token
from dgpo.verifier.spelling import vocabulary

MAX_TOKENS = 400
MAX_DEPTH = 40
CONSTANTS = frozenset(("pi", "e", "i"))
_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_TRIGONOMETRIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc"))
_OF_SEVERAL = frozenset(("max", "min", "gcd", "lcm"))
_APPLIED = frozenset("fghFGHPO")
"""Letters that call what stands in brackets behind them; others multiply it."""
_CLOSES = {"(": ")", "{": "}", "[": "]", r"\{": r"\}", "floor": "floor", "ceil": "ceil"}
_END = Token("end", "", "")
MAX_PRODUCT = 3
"""More letters in a row are a word."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of its operands. ``+`` and ``*`` take any number; ``-`` and ``/`` take one, and negate and invert.

    ``call`` is a name before a number or a letter in brackets, ``y(0)``: an unknown function, or a product.
    """

    function: str
    operands: tuple["Node", ...]


Node = Fraction | str | Operation
"""A number, a name (one of `CONSTANTS` or a variable), or an operation on others."""


class NotAlgebra(Exception):
    """The tokens are no algebra that has a single reading."""


def parse(tokens: Sequence[Token]) -> Node | None:
    """The tree of ``tokens``, or None."""
    if len(tokens) > MAX_TOKENS:
        return None
    parser = _Parser(tokens)
    try:
        node = parser.expression(0)
    except NotAlgebra:
        return None
    return node if parser.at_end() else None


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


class _Parser:
    """sum := product ([+-] product)*; product := power ([*/] power | power)*; power := atom !* (^ exponent)."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._in_trigonometry = False

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def expression(self, depth: int) -> Node:
        r"""A sum, or ``1 \over 2`` and ``5 \choose 2``."""
        node = self.sum(depth)
        if self._peek().is_("command", "over", "choose"):
            is_quotient = self._next().value == "over"
            below = self.sum(depth)
            node = quotient(node, below) if is_quotient else Operation("binom", (node, below))
        return node

    def sum(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NotAlgebra
        terms = [self._product(depth)]
        while self._peek().is_("sign", "+", "-"):
            sign = self._next().value
            term = self._product(depth)
            terms.append(term if sign == "+" else Operation("-", (term,)))
        return terms[0] if len(terms) == 1 else Operation("+", tuple(terms))

    def _product(self, depth: int) -> Node:
        factors = [self._signed(depth)]
        is_divided = False
        while True:
            token = self._peek()
            if token.is_("sign", "*"):
                self._next()
                if token.latex == r"\times " and str(self._peek().value).startswith("vec "):
                    raise NotAlgebra
                factors.append(self._signed(depth))
                is_divided = False
            elif token.is_("sign", "/"):
                self._next()
                factors.append(Operation("/", (self._signed(depth),)))
                is_divided = True
            elif token.is_("command", "over", "choose"):
                return product(*factors)
            elif token.kind == "number" and self._may_multiply():
                factors.append(self._power(depth))
            elif token.kind in ("name", "function", "command", "word") or token.is_("open", "(", "[", "floor", "ceil"):
                if is_divided or (token.is_("command") and not token.is_("command", "frac", "sqrt", "binom")):
                    raise NotAlgebra
                if token.is_("open", "[") and len(factors) > 1:
                    raise NotAlgebra
                factors.append(self._power(depth))
            else:
                return product(*factors)

    def _may_multiply(self) -> bool:
        """Whether a number may follow what stands before it: ``3!7!``, ``n2^n``."""
        before, following = self._tokens[self._at - 1], self._tokens[self._at + 1 : self._at + 2]
        is_power = bool(following) and following[0].is_("sign", "^")
        return before.is_("sign", "!") or (before.kind == "name" and is_power)

    def _signed(self, depth: int) -> Node:
        if self._peek().is_("sign", "+", "-"):
            if depth > MAX_DEPTH:
                raise NotAlgebra
            sign = self._next().value
            node = self._signed(depth + 1)
            return node if sign == "+" else Operation("-", (node,))
        return self._power(depth)

    def _power(self, depth: int) -> Node:
        node = self._atom(depth)
        while True:
            token = self._peek()
            if token.is_("sign", "!"):
                self._next()
                node = Operation("!", (node,))
            elif token.is_("degree") and self._in_trigonometry:
                self._next()
                node = Operation("*", (node, "pi", Fraction(1, 180)))
            elif token.is_("percent"):
                self._next()
                node = Operation("*", (node, Fraction(1, 100)))
            elif token.is_("sign", "^"):
                node = Operation("^", (node, self._exponent(depth)))
                if self._peek().is_("sign", "^"):
                    raise NotAlgebra
            else:
                return node

    def _exponent(self, depth: int) -> Node:
        self._next()
        if self._peek().kind == "open":
            return self._group(depth)
        sign = self._next().value if self._peek().is_("sign", "+", "-") else "+"
        number = self._peek().value
        node = self._next() and number if isinstance(number, Fraction) else self._atom(depth)
        return node if sign == "+" else Operation("-", (node,))

    def _atom(self, depth: int) -> Node:
        token = self._peek()
        if token.kind == "number":
            return self._number()
        if token.kind == "name":
            return self._name(depth)
        if token.kind == "word":
            return self._letters()
        if token.kind == "open":
            return self._group(depth)
        if token.kind == "bar":
            return self._modulus(depth)
        if token.kind == "function":
            return self._function(depth)
        if token.is_("command", "sqrt"):
            self._next()
            root = self._group(depth) if self._peek().is_("open", "[") else Fraction(2)
            radicand = self._group(depth) if self._peek().kind == "open" else self._atom(depth)
            return Operation("root", (radicand, root))
        if token.is_("command", "frac"):
            if (derivative := self._derivative()) is not None:
                return derivative
            self._next()
            return quotient(self._group(depth), self._group(depth))
        if token.is_("command", "binom"):
            self._next()
            return Operation("binom", (self._group(depth), self._group(depth)))
        raise NotAlgebra

    def _number(self) -> Node:
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

    def _name(self, depth: int) -> Node:
        name = self._read_name()
        if self._peek().is_("open", "("):
            after = self._tokens[self._at + 1 : self._at + 5]
            if name == "C" and [t.kind for t in after] == ["number", "join", "number", "close"]:
                self._at += 5
                return Operation("binom", (after[0].value, after[2].value))  # pyright: ignore[reportArgumentType]
            if name[0] in _APPLIED:
                raise NotAlgebra
            start = self._at
            argument = self._group(depth)
            if self._peek().is_("sign", "!", "^") or self._peek().kind in ("degree", "percent"):
                self._at = start
                return name
            is_lone = len(after) > 1 and after[0].kind == "name" and after[1].kind == "close"
            is_number = not any(isinstance(leaf, str) for leaf in leaves(argument))
            return Operation("call" if is_lone or is_number else "*", (name, argument))
        if name.startswith("C_") and name[2:].isdigit() and int(name[2:]) > 1 and self._peek().is_("sign", "^"):
            below = self._exponent(depth)
            if isinstance(below, Fraction):
                return Operation("binom", (Fraction(int(name[2:])), below))
            raise NotAlgebra
        return name

    def _read_name(self) -> str:
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

    def _letters(self) -> Node:
        """Letters in a row: a product, where they are no word."""
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
        before = self._tokens[self._at - 2] if self._at > 1 else _END
        is_between = before.kind in ("name", "number", "close") or self._peek().kind in ("name", "number", "open")
        if letters.lower() in _NO_PRODUCTS and is_between:
            raise NotAlgebra
        factors: list[Node] = list(letters[:-1])
        self._at -= 1
        self._tokens = [
            *self._tokens[: self._at],
            Token("name", letters[-1], letters[-1]),
            *self._tokens[self._at + 1 :],
        ]
        factors.append(self._power(0))
        return product(*factors)

    def _derivative(self) -> Node | None:
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

    def _function(self, depth: int) -> Node:
        r"""``\sin x``, ``\sin^2(x)``, ``\tan^{-1} x``, ``\log_{2} 8``, ``\max(a, b)``."""
        name = str(self._next().value)
        if name in _OF_SEVERAL:
            return Operation(name, self._arguments(depth))
        if name in ("det", "sup", "inf", "lim", "deg"):
            raise NotAlgebra
        base = self._base(depth) if name == "log" and self._peek().is_("sign", "_") else None
        exponent = self._exponent(depth) if self._peek().is_("sign", "^") else None
        if exponent == Operation("-", (Fraction(1),)):
            name, exponent = _INVERSES.get(name, ""), None
        if not name or not (exponent is None or isinstance(exponent, Fraction)):
            raise NotAlgebra
        outside, self._in_trigonometry = self._in_trigonometry, name in _TRIGONOMETRIC
        argument = self._group(depth) if self._peek().is_("open", "(", "{", "[") else self._bare_argument(depth)
        if self._peek().is_("degree") and self._in_trigonometry:
            self._next()
            argument = Operation("*", (argument, "pi", Fraction(1, 180)))
        self._in_trigonometry = outside
        node = Operation(name, (argument,) if base is None else (argument, base))
        return node if exponent is None else Operation("^", (node, exponent))

    def _arguments(self, depth: int) -> tuple[Node, ...]:
        if not self._peek().is_("open", "(", r"\{", "[") or depth > MAX_DEPTH:
            raise NotAlgebra
        close = _CLOSES[str(self._next().value)]
        found = [self.sum(depth + 1)]
        while self._peek().is_("join", ",", ";"):
            self._next()
            found.append(self.sum(depth + 1))
        if not self._peek().is_("close", close):
            raise NotAlgebra
        self._next()
        return tuple(found)

    def _base(self, depth: int) -> Node:
        self._next()
        if self._peek().kind == "open":
            return self._group(depth)
        number = self._peek().value
        return self._next() and number if isinstance(number, Fraction) else self._atom(depth)

    def _bare_argument(self, depth: int) -> Node:
        r"""``2x`` of ``\sin 2x + 1``: numbers and names in a row, or a fraction, root or modulus alone."""
        factors: list[Node] = []
        if self._peek().kind in ("command", "bar"):
            factors = [self._power(depth)]
            if self._peek().kind == "name" and self._tokens[self._at - 1].is_("close", "}"):
                factors.append(self._power(depth))
        else:
            while self._peek().kind in ("name", "word") or (self._peek().kind == "number" and not factors):
                if any(token.is_("open", "(") for token in self._tokens[self._at + 1 : self._at + 2]):
                    raise NotAlgebra
                factors.append(self._power(depth))
        is_unclear = len(factors) > 1 and any(factor == "e" or _is_power_of_e(factor) for factor in factors)
        token = self._peek()
        goes_on = token.kind in ("end", "close", "function", "bar", "degree", "join") or token.is_("sign", "+", "-")
        if is_unclear or not factors or not goes_on:
            raise NotAlgebra
        return product(*factors)

    def _modulus(self, depth: int) -> Node:
        self._next()
        node = self.sum(depth + 1)
        if self._peek().kind != "bar":
            raise NotAlgebra
        self._next()
        return Operation("abs", (node,))

    def _group(self, depth: int) -> Node:
        token = self._peek()
        if token.kind != "open" or token.value == r"\{":
            raise NotAlgebra
        opened = str(self._next().value)
        node = self.expression(depth + 1)
        if not self._peek().is_("close", _CLOSES[opened]):
            raise NotAlgebra
        self._next()
        return Operation(opened, (node,)) if opened in ("floor", "ceil") else node

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else _END


_NO_PRODUCTS = vocabulary("to on of by in is at no if for all any the mod per yes odd not is it one two six ten")
"""Short words."""


def _is_power_of_e(node: Node) -> bool:
    return isinstance(node, Operation) and node.operands[0] == "e"


def _written(token: Token) -> str:
    if token.kind not in ("number", "name", "word", "function", "sign", "join", "infinity", "command"):
        raise NotAlgebra
    return str(token.value)
