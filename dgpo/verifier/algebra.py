r"""Tokens of algebra as a tree: ``\frac{n(n+1)}{2}``, ``2\sqrt{3}\sin^2 x``, ``1\frac12 x``, ``\max(a, b)``.

A recursive descent. What can be read in more than one way (``f(x)``, ``1/2x``, ``\sin x \cdot y``) is not read at all,
and left to the symbolic stage.
"""

from collections.abc import Sequence
from fractions import Fraction

from dgpo.verifier.cursor import Cursor, NotAlgebra
from dgpo.verifier.nodes import CONSTANTS, Node, Operation, product, quotient, subtrees
from dgpo.verifier.tokens import Token

MAX_TOKENS = 400
MAX_DEPTH = 40
_TRIGONOMETRIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc", "cis"))
_OF_SEVERAL = frozenset(("max", "min", "gcd", "lcm"))
_APPLIED = frozenset("fghFGHPO")
"""Letters that call what stands in brackets behind them; others multiply it."""
_CLOSES = {"(": ")", "{": "}", "[": "]", r"\{": r"\}", "floor": "floor", "ceil": "ceil"}


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


class _Parser(Cursor):
    """sum := product ([+-] product)*; product := power ([*/] power | power)*; power := atom !* (^ exponent)."""

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
        """Whether a number may follow what stands before it: ``3!7!``, ``n2^n``, ``(n+1)2^n``."""
        before = self._tokens[self._at - 1]
        return before.is_("sign", "!") or (before.kind in ("name", "close") and self._peek(1).is_("sign", "^"))

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
        is_applied = self._peek().is_("name", *_APPLIED) and self._peek(1).is_("open", "(")
        if self._peek().kind == "word" or is_applied:
            raise NotAlgebra
        is_symbol = self._peek().kind in ("number", "name")  # alone: e^x(x-1) is a product
        node = self._next() and number if is_symbol else self._atom(depth)
        return node if sign == "+" else Operation("-", (node,))

    def _atom(self, depth: int) -> Node:
        token = self._peek()
        if token.kind == "number":
            return self._number()
        if token.kind == "name":
            return self._name(depth)
        if token.kind == "word":
            return self._letters()
        if token.is_("open", "{") and self._peek(1).is_("close", "}"):
            self._at += 2
            return self._choices(depth)
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
        if token.is_("sign", "_", "^"):
            return self._choices(depth)
        raise NotAlgebra

    def _choices(self, depth: int) -> Node:
        """``_{10}C_3`` and ``^{10}C_{3}``."""
        above = self._exponent(depth)
        if not self._next().is_("name", "C") or not self._peek().is_("sign", "_"):
            raise NotAlgebra
        return Operation("binom", (above, self._exponent(depth)))

    def _name(self, depth: int) -> Node:
        name = self._name_here()
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
            is_number = not any(isinstance(part, str) for part in subtrees(argument))
            is_call = name not in CONSTANTS and (is_lone or is_number)
            return Operation("call" if is_call else "*", (name, argument))
        if name.startswith("C_") and name[2:].isdigit() and int(name[2:]) > 1 and self._peek().is_("sign", "^"):
            below = self._exponent(depth)
            if isinstance(below, Fraction):
                return Operation("binom", (Fraction(int(name[2:])), below))
            raise NotAlgebra
        return name

    def _letters(self) -> Node:
        """Letters in a row: a product, where they are no word."""
        letters = self._letters_here()
        factors: list[Node] = list(letters[:-1])
        self._at -= 1
        self._tokens = [
            *self._tokens[: self._at],
            Token("name", letters[-1], letters[-1]),
            *self._tokens[self._at + 1 :],
        ]
        factors.append(self._power(0))
        return product(*factors)

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
            name, exponent = f"arc{name}" if name in _TRIGONOMETRIC - {"cis"} else "", None
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
                if self._peek(1).is_("open", "("):
                    raise NotAlgebra
                factors.append(self._power(depth))
        is_unclear = len(factors) > 1 and any(factor == "e" or _is_power_of_e(factor) for factor in factors)
        token = self._peek()
        goes_on = token.kind in ("end", "close", "function", "bar", "degree", "join") or token.is_("sign", "+", "-")
        goes_on = goes_on or (token.is_("sign", "*") and self._peek(1).kind == "function")
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


def _is_power_of_e(node: Node) -> bool:
    return isinstance(node, Operation) and node.operands[0] == "e"
