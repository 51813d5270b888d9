r"""Parses algebra into a tree, by recursive descent: ``\frac{n(n+1)}{2}``, ``2\sqrt{3}\sin^2 x``, ``\max(a, b)``.

What has more than one reading (``1/2x``, ``\sin x \cdot y``) has no tree, and equals its own text alone.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from dgpo.verifier.expressions.cursor import Cursor, NotAlgebra, signed
from dgpo.verifier.expressions.series import series, with_dots
from dgpo.verifier.expressions.tree import Node, Operation, chosen, names, product, quotient, subtrees, with_axes
from dgpo.verifier.text.spelling import FUNCTIONS, OF_SEVERAL, TRIGONOMETRIC, WITHOUT_VALUE
from dgpo.verifier.text.splitting import opened, separated
from dgpo.verifier.text.tokens import END, Kind, Token, has

MAX_TOKENS = 400
MAX_DEPTH = 40
_APPLIED = frozenset("fghFGHPO")
"""Names of functions before brackets: ``f(x)``. Other letters multiply what is in the brackets."""
_CHOSEN_FROM = frozenset("kmnr")  # C_n^k; C_p^2 is a square
_BEHIND_A_PRODUCT = frozenset(("", "+", "-", ")", "}", "over", "choose"))
_BEHIND_AN_ATOM = frozenset(("!", "^", "degree", "%"))
_CLOSES = {"(": ")", "{": "}", "[": "]", r"\{": r"\}", "floor": "floor", "ceil": "ceil"}


def parse(tokens: Sequence[Token]) -> Node | None:
    """The tree of ``tokens``; None where they are no algebra, or have more than one reading."""
    if len(tokens) > MAX_TOKENS:
        return None
    parser = _Parser(tokens)
    try:
        node = parser.expression()
    except NotAlgebra:
        return None
    return with_axes(node) if parser.at_end() else None


class _Parser(Cursor):
    """sum := product ([+-] product)*; product := power ([*/] power | power)*; power := atom !* (^ exponent)."""

    def expression(self) -> Node:
        r"""A sum, or ``1 \over 2`` and ``5 \choose 2``."""
        node = self._sum()
        if command := self._take("command", "over", "choose"):
            below = self._sum()
            node = quotient(node, below) if command.value == "over" else Operation("binom", (node, below))
        return node

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotAlgebra
        terms: list[Node] = [self._product()]
        while sign := self._take("sign", "+", "-"):
            if sign.value == "+" and self._take("dots"):
                self._need("sign", "+")
                terms = [with_dots("sum", terms, self._product())]
            else:
                terms.append(signed(sign, self._product()))
        self._depth -= 1
        return terms[0] if len(terms) == 1 else Operation("+", tuple(terms))

    def _product(self) -> Node:
        factors: list[Node] = [self._factor()]
        is_divided = False
        while (token := self._peek()).value not in _BEHIND_A_PRODUCT:
            if self._take("sign", "*"):
                if self._peek().kind == "dots":
                    continue
                if token.latex == r"\times " and str(self._peek().value).startswith("vec "):
                    raise NotAlgebra  # a cross product
                factors.append(self._factor())
                is_divided = False
            elif self._take("sign", "/"):
                factors.append(Operation("/", (self._factor(),)))
                is_divided = True
            elif self._take("dots"):
                self._take("sign", "*")
                factors = [with_dots("prod", factors, self._power())]
            elif not self._may_multiply(token):
                break
            elif is_divided or (token.is_("open", "[") and len(factors) > 1):
                raise NotAlgebra  # 1/2x
            else:
                factors.append(self._power())
        return product(*factors)

    def _may_multiply(self, token: Token) -> bool:
        """Whether ``token`` continues a product without a sign: ``n(n+1)``, ``3!7!``, ``(n+1)2^n``."""
        if token.kind == "number":
            before = self._tokens[self._at - 1]
            return before.is_("sign", "!") or (before.kind in ("name", "close") and self._peek(1).is_("sign", "^"))
        is_open = token.is_("open", "(", "[", "floor", "ceil")
        return is_open or token.kind in ("name", "function", "command", "word")

    def _factor(self) -> Node:
        """A power behind signs, of which two minuses are none."""
        is_negative = False
        while sign := self._take("sign", "+", "-"):
            is_negative ^= sign.value == "-"
        node = self._power()
        return Operation("-", (node,)) if is_negative else node

    def _power(self) -> Node:
        node = self._atom()
        while self._peek().value in _BEHIND_AN_ATOM:
            if self._take("sign", "!"):
                is_double = not self._peek().is_spaced and self._take("sign", "!")
                node = Operation("!!" if is_double else "!", (node,))
            elif self._in_trigonometry and self._take("degree"):
                node = Operation("*", (node, "pi", Fraction(1, 180)))
            elif self._take("percent"):
                node = Operation("*", (node, Fraction(1, 100)))
            elif self._take("sign", "^"):
                node = Operation("^", (node, self._script()))
                if self._peek().is_("sign", "^"):
                    raise NotAlgebra
            else:
                break
        return node

    def _script(self) -> Node:
        """An exponent or the base of a logarithm. Without braces it is one symbol: ``e^x(x-1)`` is a product."""
        sign = self._take("sign", "+", "-")
        token = self._peek()
        is_applied = token.is_("name", *_APPLIED) and self._peek(1).is_("open", "(")
        if token.kind == "word" or is_applied:
            raise NotAlgebra
        node = self._next().value if token.kind in ("number", "name") else self._atom()
        return signed(sign, node)

    def _atom(self) -> Node:
        """What begins with a token of a certain kind, or with a certain command; else a group in brackets."""
        token = self._peek()
        read = _COMMANDS.get(str(token.value)) if token.kind == "command" else _ATOMS.get(token.kind)
        return read(self) if read else self._group()

    def _modulus(self) -> Node:
        self._need("bar")
        node = self._sum()
        self._need("bar")
        return Operation("abs", (node,))

    def _root(self) -> Node:
        self._next()
        root = self._group() if self._peek().is_("open", "[") else Fraction(2)
        radicand = self._group() if self._peek().kind == "open" else self._atom()
        return Operation("root", (radicand, root))

    def _fraction(self) -> Node:
        r"""``\frac{n}{2}``, ``\frac{dy}{dx}`` and ``\binom{n}{2}``."""
        if derivative := self._derivative():
            return derivative
        command, above, below = self._next(), self._group(), self._group()
        return quotient(above, below) if command.value == "frac" else Operation("binom", (above, below))

    def _series(self) -> Node:
        r"""``\sum_{k=1}^{n} k``."""
        function = str(self._next().value)
        self._need("sign", "_")
        self._need("open", "{")
        letter = str(self._need("name").value)
        self._need("relation", "=")
        low = self.expression()
        self._need("close", "}")
        self._need("sign", "^")
        end = self._symbol(0)
        if [token.value for token in opened(end) if not token.is_("sign", "+")] == ["infinity"]:
            self._at += len(end)
            return series(function, self._product(), letter, low, "infinity")
        high, term = self._script(), self._product()
        return series(function, term, letter, low, high)

    def _choices(self) -> Node:
        """``_{10}C_3``, ``{}_{10}C_3`` and ``^{10}P_{3}``."""
        self._need("sign", "_", "^")
        above = self._script()
        letter = str(self._need("name", "C", "P").value)
        self._need("sign", "_")
        return chosen(letter, above, self._script())

    def _name(self) -> Node:
        start = self._at
        name = self._name_alone()
        if self._peek().is_("open", "("):
            return self._applied(name)
        if name[:2] in ("C_", "A_") and name[2:] not in ("0", "1") and self._peek().is_("sign", "^"):
            above = parse(self._tokens[start + 2 : self._at])
            if above is None or not names(above) <= _CHOSEN_FROM:
                raise NotAlgebra
            self._next()
            return chosen(name[0], above, self._script())
        return name

    def _applied(self, name: str) -> Node:
        """``C(5, 2)``, ``y(0)``, and ``x(x+1)``, which is a product."""
        after = self._tokens[self._at + 1 : self._at + 3]
        if name == "C" and has(self._symbol(0), "join", ","):
            arguments = self._arguments()
            if len(arguments) != 2:
                raise NotAlgebra
            return chosen(name, arguments[0], arguments[1])
        start = self._at
        argument = self._group()
        if name == "Gamma" or (name == "zeta" and isinstance(argument, Fraction)):
            return Operation(name, (argument,))
        if name[0] in _APPLIED:
            return Operation("call", (name, argument))
        if self._peek().is_("sign", "!", "^") or self._peek().kind in ("degree", "percent"):
            self._at = start
            return name
        is_lone = len(after) > 1 and after[0].kind == "name" and after[1].kind == "close"
        is_number = not any(isinstance(part, str) for part in subtrees(argument))
        is_call = names(name) and (is_lone or is_number)
        return Operation("call" if is_call else "*", (name, argument))

    def _letters(self) -> Node:
        """A word of few letters as their product: ``ab``. Raises NotAlgebra for a word of a language."""
        before, token, after = self._tokens[self._at - 1] if self._at else END, self._peek(), self._peek(1)
        letters = str(token.value)
        is_differential = before.value == "{" and len(letters) == 2 and letters[0] == "d" and after.value in ("}", "^")
        is_between = before.kind in ("name", "number", "close") or after.kind in ("name", "number", "open")
        if is_differential or not token.is_run or (is_between and not token.is_product):
            raise NotAlgebra
        self._tokens[self._at : self._at + 1] = [Token("name", letter, letter) for letter in letters]
        return product(*(self._power() for _ in letters))

    def _function(self) -> Node:
        r"""``\sin x``, ``\sin^2(x)``, ``\tan^{-1} x``, ``\log_{2} 8``, ``\max(a, b)``."""
        name = str(self._next().value)
        if name in OF_SEVERAL:
            end = self._at + len(self._symbol(0)) - 1
            self._tokens[self._at + 1 : end] = separated(tuple(self._tokens[self._at + 1 : end]))  # \gcd(126,300)
            return Operation(name, tuple(sorted(self._arguments(), key=repr)))  # in any order
        if name in WITHOUT_VALUE:
            raise NotAlgebra
        base = (self._script(),) if name == "log" and self._take("sign", "_") else ()
        exponent = self._script() if self._take("sign", "^") else None
        if exponent == Operation("-", (Fraction(1),)) and f"arc{name}" in FUNCTIONS:
            name, exponent = f"arc{name}", None
        outside, self._in_trigonometry = self._in_trigonometry, name in TRIGONOMETRIC
        argument = self._group() if self._peek().is_("open", "(", "{", "[") else self._bare_argument()
        self._in_trigonometry = outside
        node = Operation(name, (argument, *base))
        return node if exponent is None else Operation("^", (node, exponent))

    def _arguments(self) -> tuple[Node, ...]:
        opening = self._need("open", "(", r"\{", "[")
        arguments = [self._sum()]
        while self._take("join", ",", ";"):
            arguments.append(self._sum())
        self._need("close", _CLOSES[str(opening.value)])
        return tuple(arguments)

    def _bare_argument(self) -> Node:
        r"""``2x`` of ``\sin 2x + 1``: numbers and names in a row, or a fraction, root or modulus alone."""
        factors: list[Node] = []
        if self._peek().kind in ("command", "bar"):
            factors = [self._power()]
            if self._peek().kind == "name" and self._tokens[self._at - 1].is_("close", "}"):
                factors.append(self._power())
        else:
            while self._peek().kind in ("name", "word") or (self._peek().kind == "number" and not factors):
                if self._peek(1).is_("open", "(", "["):
                    factors.append(str(self._next().value))
                    break
                factors.append(self._power())
        bases = [factor.operands[0] if isinstance(factor, Operation) else factor for factor in factors]
        if not factors or (len(factors) > 1 and "e" in bases) or not self._ends_argument(factors, bases[-1]):
            raise NotAlgebra
        return product(*factors)

    def _group(self) -> Node:
        opening = str(self._need("open", "(", "{", "[", "floor", "ceil").value)
        node = self.expression()
        self._need("close", _CLOSES[opening])
        return Operation(opening, (node,)) if opening in ("floor", "ceil") else node


_ATOMS: dict[Kind, Callable[[_Parser], Node]] = {
    "number": _Parser._number,
    "name": _Parser._name,
    "word": _Parser._letters,
    "function": _Parser._function,
    "bar": _Parser._modulus,
    "sign": _Parser._choices,
}
_COMMANDS: dict[str, Callable[[_Parser], Node]] = {
    "sqrt": _Parser._root,
    "frac": _Parser._fraction,
    "binom": _Parser._fraction,
    "sum": _Parser._series,
    "prod": _Parser._series,
}
