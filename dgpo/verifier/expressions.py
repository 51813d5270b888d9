r"""LaTeX algebra as a tree: ``\frac{n(n+1)}{2}``, ``2\sqrt{3}\sin^2 x``, ``\binom{5}{2}\pi r^{2}``.

A recursive descent over a bounded list of tokens. What can be read in more than one way (``f(x)``, ``1/2x``,
``2\frac{1}{2}``, ``\sin x \cdot y``) is not read at all, and left to the symbolic stage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARS = 1000
MAX_TOKENS = 200
MAX_DEPTH = 40
CONSTANTS = frozenset(("pi", "e", "i"))
_FUNCTION = "sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|exp|ln|log|lg"
_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
LETTERS = (
    "alpha|beta|gamma|delta|(?:var)?epsilon|zeta|eta|(?:var)?theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|upsilon"
    "|(?:var)?phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Sigma|Phi|Psi|Omega|hbar|ell"
)
_TOKEN = re.compile(
    r" *(?:(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"|(?P<command>\\(?:frac|binom|sqrt))(?![A-Za-z])"
    rf"|(?P<function>\\(?:{_FUNCTION}))(?![A-Za-z])"
    r"|(?P<times>\\(?:times|cdot|ast)(?![A-Za-z])|\*(?!\*))|(?P<over>\\div(?![A-Za-z])|/)"
    r"|(?P<power>\^|\*\*)|(?P<sign>[+-])|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<factorial>!)|(?P<bar>\|)"
    rf"|(?P<name>(?:[A-Za-z]|\\(?:pi|{LETTERS})(?![A-Za-z])|\\(?:mathrm|text) ?\{{ ?[ei] ?\}})"
    r"(?: ?_ ?(?:\{ ?\w+ ?\}|\w))?(?:'+| ?\^ ?\{ ?\\prime ?\})?)"
    r"|(?P<base>_))"
)
_POWER_BEFORE_INDEX = re.compile(r"(\^ ?\{ ?\w ?\}) ?(_ ?\{ ?\w+ ?\})")
_WORD = re.compile(r"[A-Za-z]{3}|(?<![A-Za-z])d[A-Za-z]|(?<=[\w)}] )(?:to|on|of|by|in|is|at|or) ")
"""Three letters in a row are a word, ``dx`` is a differential, and ``A to B`` has a word between its letters."""
_COMMANDS = re.compile(r"\\[A-Za-z]+")
_APPLIED = frozenset("fghFGHPO")
"""Letters that call what stands in brackets behind them; others multiply it."""
_CLOSES = {"(": ")", "{": "}", "[": "]"}
_STARTS_FACTOR = frozenset(("name", "command", "function"))


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of its operands. ``+`` and ``*`` take any number; ``-`` and ``/`` take one, and negate and invert."""

    function: str
    operands: tuple["Node", ...]


Node = Fraction | str | Operation
"""A number, a name (one of `CONSTANTS` or a variable), or an operation on others."""


class NotAlgebra(Exception):
    """The text is no algebra that has a single reading."""


def parse(text: str) -> Node | None:
    """The tree of the cleaned LaTeX ``text``, or None. Bounded in time and memory."""
    if len(text) > MAX_CHARS:
        return None
    tokens: list[tuple[str, str]] = []
    position = 0
    text = _POWER_BEFORE_INDEX.sub(r"\2\1", text.strip())
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found or len(tokens) == MAX_TOKENS or found.lastgroup is None:
            return None
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    if text.count("|") not in (0, 2) or _WORD.search(_COMMANDS.sub(" ", text)):
        return None
    try:
        parser = _Parser(tokens)
        node = parser.sum(0)
        return node if parser.at_end() else None
    except NotAlgebra:
        return None


def leaves(node: Node) -> Iterator[Fraction | str]:
    """The numbers and names in ``node``."""
    if isinstance(node, Operation):
        for operand in node.operands:
            yield from leaves(operand)
    else:
        yield node


class _Parser:
    """sum := product ([+-] product)*; product := power ([*/] power | power)*; power := atom !* (^ exponent)."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def sum(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NotAlgebra
        terms = [self._product(depth)]
        while self._kind() == "sign":
            sign = self._next()
            term = self._product(depth)
            terms.append(term if sign == "+" else Operation("-", (term,)))
        return terms[0] if len(terms) == 1 else Operation("+", tuple(terms))

    def _product(self, depth: int) -> Node:
        factors = [self._signed(depth)]
        is_divided = False
        while True:
            kind, before = self._kind(), self._tokens[self._at - 1]
            if kind == "times":
                self._next()
                factors.append(self._signed(depth))
            elif kind == "over":
                self._next()
                factors.append(Operation("/", (self._signed(depth),)))
                is_divided = True
            elif kind in _STARTS_FACTOR or self._peek() == "(":
                is_mixed_number = before[0] == "number" and self._peek() == "\\frac"
                if is_divided or is_mixed_number or (before[0] == "name" and self._may_be_applied(before[1])):
                    raise NotAlgebra
                factors.append(self._power(depth))
            else:
                return factors[0] if len(factors) == 1 else Operation("*", tuple(factors))

    def _may_be_applied(self, name: str) -> bool:
        """Whether the name before an opening bracket may be a function's: ``f(x + 1)``, ``y(0)``."""
        if self._peek() != "(":
            return False
        return name[0] in _APPLIED or self._tokens[self._at + 2 : self._at + 3] == [("close", ")")]

    def _signed(self, depth: int) -> Node:
        if self._kind() == "sign":
            if depth > MAX_DEPTH:
                raise NotAlgebra
            sign = self._next()
            node = self._signed(depth + 1)
            return node if sign == "+" else Operation("-", (node,))
        return self._power(depth)

    def _power(self, depth: int) -> Node:
        node = self._atom(depth)
        while self._kind() == "factorial":
            self._next()
            node = Operation("!", (node,))
        return Operation("^", (node, self._exponent(depth))) if self._kind() == "power" else node

    def _exponent(self, depth: int) -> Node:
        self._next()
        if self._kind() == "open":
            return self._group(depth)
        sign = self._next() if self._kind() == "sign" else "+"
        node = self._atom(depth)
        return node if sign == "+" else Operation("-", (node,))

    def _atom(self, depth: int) -> Node:
        kind = self._kind()
        if kind == "number":
            return Fraction(self._next().replace(",", ""))
        if kind == "name":
            return _name(self._next())
        if kind == "open":
            return self._group(depth)
        if kind == "bar":
            return self._modulus(depth)
        if kind == "function":
            return self._function(depth)
        if kind != "command":
            raise NotAlgebra
        command = self._next()
        if command == "\\sqrt":
            root = self._group(depth) if self._peek() == "[" else Fraction(2)
            return Operation("root", (self._group(depth), root))
        first, second = self._group(depth), self._group(depth)
        if command == "\\binom":
            return Operation("binom", (first, second))
        return Operation("*", (first, Operation("/", (second,))))

    def _function(self, depth: int) -> Node:
        r"""``\sin x``, ``\sin^2(x)``, ``\tan^{-1} x``, ``\log_{2} 8``."""
        name = self._next().removeprefix("\\")
        base = self._base(depth) if name == "log" and self._kind() == "base" else None
        exponent = self._exponent(depth) if self._kind() == "power" else None
        if exponent == Operation("-", (Fraction(1),)):
            name, exponent = _INVERSES.get(name, ""), None
        if not name or not (exponent is None or isinstance(exponent, Fraction)):
            raise NotAlgebra
        argument = self._group(depth) if self._peek() in ("(", "{") else self._bare_argument(depth)
        node = Operation(name, (argument,) if base is None else (argument, base))
        return node if exponent is None else Operation("^", (node, exponent))

    def _base(self, depth: int) -> Node:
        self._next()
        return self._group(depth) if self._kind() == "open" else self._atom(depth)

    def _bare_argument(self, depth: int) -> Node:
        r"""``2x`` of ``\sin 2x + 1``: numbers and names in a row, or a fraction, root or modulus alone."""
        if self._kind() in ("command", "bar"):
            factors = [self._power(depth)]
        else:
            factors = []
            while self._kind() == "name" or (self._kind() == "number" and not factors):
                factors.append(self._power(depth))
        is_unclear = len(factors) > 1 and any(factor == "e" or _is_power_of_e(factor) for factor in factors)
        if is_unclear or not factors or self._kind() not in ("", "sign", "close", "function", "bar"):
            raise NotAlgebra
        return Operation("*", tuple(factors))

    def _modulus(self, depth: int) -> Node:
        self._next()
        node = self.sum(depth + 1)
        if self._kind() != "bar":
            raise NotAlgebra
        self._next()
        return Operation("abs", (node,))

    def _group(self, depth: int) -> Node:
        if self._kind() != "open":
            raise NotAlgebra
        close = _CLOSES[self._next()]
        node = self.sum(depth + 1)
        if self._peek() != close:
            raise NotAlgebra
        self._next()
        return node

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]


def _is_power_of_e(node: Node) -> bool:
    return isinstance(node, Operation) and node.operands[0] == "e"


def _name(written: str) -> str:
    return re.sub(r"\\(?:mathrm|text|var(?=[a-z]))|[\\{} ^]", "", written.replace("'", "prime"))
