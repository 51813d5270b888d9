r"""Turns text into tokens: the one place that knows how mathematics is spelt in LaTeX, Unicode and plain text.

Layout (spaces, sizes, colours, delimiters, fonts) is dropped here. `grammar` says what the tokens mean.
"""

import re
import unicodedata
from dataclasses import replace

from dgpo.verifier.text import spelling
from dgpo.verifier.text.numerals import GROUPS, read_number
from dgpo.verifier.text.splitting import without_lone_braces
from dgpo.verifier.text.tokens import END, NO_PRODUCTS, Kind, Token, Tokens, Unreadable, has, has_any

MAX_TOKENS = 1500
MAX_DEPTH = 40
_DEGREE = Token("degree", "degree", r"^{\circ}")

_PATTERNS = {
    "space": r"\s+|~|\\[,;:!> ]",
    "number": rf"(?:(?:{GROUPS})(?!\d)|\d+)(?:\.\d+|\.(?![.\d]))?|\.\d+|\.(?=\\(?:overline|bar|dot)(?![A-Za-z]))",
    "row": r"\\\\(?: ?\[ ?-?[\d.]+ ?[a-z]{2} ?\])?|\\cr(?![A-Za-z])",  # \\ and \\[2pt]
    "command": r"\\[A-Za-z]+\*?",
    "escaped": r"\\.",  # \{, \%, \$
    "dots": r"\.\.\.",
    "arrow": r"-+>",
    "relation": r"<=|=<|>=|(?<![\d)])!=|:=|==",  # 3!=6 has a factorial
    "power": r"\*\*",
    "letters": r"[A-Za-zÀ-ÖØ-öø-ſЀ-ӿ]+|(?:(?<=\d)|\A)[万亿]|[\u4e00-\u9fff]+|[ァ-ヿ]+",  # 120万人 is 120 万 of 人
    "tag": r"</?[a-z]{1,9}>",  # of HTML
    "other": r".",
}
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()), re.DOTALL)
_TIMES_TEN = re.compile(r"(?= ?10 ?(?:\^|\*\*))")
_FIXED: dict[str, tuple[Kind, str, str]] = {
    "row": ("row", "row", r"\\ "),
    "dots": ("dots", "...", r"\ldots "),
    "arrow": ("command", "to", r"\to "),
    "power": ("sign", "^", "^"),
}
_RELATIONS = {"<=": r"\le ", ">=": r"\ge ", "!=": r"\ne ", "in": r"\in ", "~": r"\approx ", "equiv": r"\equiv "}
_BOLDS = ("mathbf", "boldsymbol", "bm")
_BOLD_LETTER = re.compile(r"\\(?:mathbf|boldsymbol|bm) ?\{?(\\?[A-Za-z]+)\}?\Z")
_DOLLAR = re.compile(r"(?<!\\)\$")
_BARE_ARGUMENT = re.compile(r"\s*(?:(\d)|([A-Za-z])|(\\[A-Za-z]+)(?!\s*\{))")
_OPENS = re.compile(r"\s*[({\\]")


def lex(text: str) -> Tokens:
    """The tokens of ``text``. Linear in its length.

    Raises Unreadable where braces do not close, or a number or the text is past the bounds.
    """
    text = spelling.in_one_notation(text)
    has_delimiters = len(_DOLLAR.findall(text)) % 2 == 0  # they come in pairs, one dollar alone is money
    lexer = _Lexer(has_delimiters)
    lexer.read(text, is_worded=False)
    tokens = lexer.tokens
    values = {token.value for token in tokens}
    tokens = without_lone_braces(tokens) if r"\{" in values else tokens
    tokens = tokens if values.isdisjoint("[]") else with_open_ends(tokens)
    return tuple(with_marks(tokens) if "^" in values else tokens)


class _Lexer:
    """Appends tokens to ``tokens``. With ``has_delimiters`` a dollar sign is no money."""

    def __init__(self, has_delimiters: bool) -> None:
        self.tokens: list[Token] = []
        self._has_delimiters = has_delimiters
        self._is_spaced = False
        self._is_quoted = False
        self._depth = 0

    def put(self, kind: Kind, value: str, latex: str, is_worded: bool = False) -> None:
        self._add(Token(kind, value, latex, self._is_spaced, is_worded))

    def _add(self, token: Token) -> None:
        if len(self.tokens) >= MAX_TOKENS:
            raise Unreadable("too long")
        self.tokens.append(token)
        self._is_spaced = False

    def read(self, text: str, is_worded: bool) -> None:
        """Appends the tokens of ``text``, which may be the argument of a command inside another."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        self._read(text, is_worded)
        self._depth -= 1

    def _read(self, text: str, is_worded: bool) -> None:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            assert found is not None and found.lastgroup is not None
            kind, written = found.lastgroup, found.group()
            at = found.end()
            if kind in ("space", "tag"):
                self._is_spaced = True
            elif kind == "number":
                token, at = read_number(text, found, is_worded)
                self._add(replace(token, is_spaced=self._is_spaced))
            elif kind == "command":
                at = self._command(text, at, written[1:].rstrip("*"), is_worded)
            elif kind == "letters":
                self._letters(text, at, written, is_worded)
            elif kind == "relation":
                self._relation(written)
            elif kind in _FIXED:
                self.put(*_FIXED[kind])
            else:
                self._symbol(written, is_worded)

    def _command(self, text: str, at: int, name: str, is_worded: bool) -> int:
        """Appends the tokens of a command whose arguments begin at ``at``; returns the index behind them."""
        if name in spelling.LAYOUT:
            at += name in ("left", "right") and text[at : at + 1] == "."
            self._is_spaced = self._is_spaced or name in ("quad", "qquad", "space")
        elif name in spelling.WITH_TEXT:
            inside, at = spelling.argument(text, at)
            is_applied = inside in spelling.OF_SEVERAL and text[at : at + 1] == "("  # \text{lcm}(4, 6)
            self._with_text("operatorname" if is_applied else name, inside)
        elif name in ("underbrace", "overbrace") and "dots" not in spelling.argument(text, at)[0]:
            inside, at = spelling.argument(text, at)
            self.read(inside, is_worded)
            if text[at : at + 1] in ("_", "^"):
                at = spelling.argument(text, at + 1)[1]
        elif name in spelling.WITH_ARGUMENTS:
            value, count = spelling.WITH_ARGUMENTS[name]
            self.put("command", value, f"\\{value}")
            at = self._bare_arguments(text, at, count)
        elif name in spelling.COMMANDS:
            kind, value, spelt = spelling.COMMANDS[name]
            if kind == "relation":
                self._relation(value)
            else:
                self.put(kind, value, spelt)
        elif name in spelling.GREEK:
            plain = name.removeprefix("var")
            self.put("name", plain, f"\\{plain} ", is_worded)
        elif name in ("begin", "end"):
            inside, at = spelling.argument(text, at)
            self.put("command", f"{name} {inside.strip().rstrip('*')}", rf"\{name}{{{inside.strip()}}}")
            if name == "begin" and inside.strip() == "array" and text[at:].lstrip()[:1] == "{":
                at = spelling.argument(text, at)[1]
        elif name.startswith(("quad", "qquad")):
            self._is_spaced = True
            self._letters(text, at, name.partition("quad")[2], is_worded)
        elif name != "hline":
            self.put("command", name, f"\\{name} ", is_worded)
        return at

    def _with_text(self, name: str, inside: str) -> None:
        """Appends the tokens of a command with a text: ``\\text{cm}``, ``\\mathbb{R}``, ``\\vec{a}``."""
        symbol = inside.strip()
        if name in spelling.ACCENTS:
            self._accented(spelling.ACCENTS[name], symbol)
        elif name == "textcircled":
            self.put("word", f"({symbol})", inside)
        elif name in ("mathbb", "mathds"):
            self.put("field", symbol, rf"\mathbb{{{symbol}}}")
        elif name in _BOLDS and symbol in spelling.BOLD:
            self.put(*spelling.BOLD[symbol])
        elif name == "operatorname" and spelling.COMMANDS.get(symbol, ("word",))[0] == "function":
            self.put(*spelling.COMMANDS[symbol])
        elif name not in spelling.DROPPED:
            self._is_spaced = self._is_spaced or inside[:1] == " "
            self.read(inside, is_worded=name not in _BOLDS and name not in ("mathcal", "mathscr", "mathit"))
            self._is_spaced = self._is_spaced or inside[-1:] == " "

    def _accented(self, name: str, inside: str) -> None:
        """``\\vec{a}`` as a name of its own; ``\\overline{AB}`` is the segment AB."""
        inside = _BOLD_LETTER.sub(r"\1", inside)
        if name == "overline" and re.fullmatch("[A-Z]{2}", inside):
            self.read(inside, is_worded=False)
        elif name in ("vec", "hat") and (axis := re.fullmatch(r"\\?([ijk])(?:math)?", inside)):
            self.put("name", f"unit {axis[1]}", inside)
        elif re.fullmatch(r"\\?[A-Za-z]+\d?|0", inside):
            self.put("name", f"{name} {inside}", rf"\{name}{{{inside}}}")
        else:
            self.put("command", name, f"\\{name} ")
            self._group(inside)

    def _group(self, inside: str) -> None:
        self.put("open", "{", "{")
        self.read(inside, is_worded=False)
        self.put("close", "}", "}")

    def _bare_arguments(self, text: str, at: int, count: int) -> int:
        """Puts the arguments of ``\\frac12`` and ``\\sqrt2`` into braces, and returns the index behind them."""
        for _ in range(count):
            bare = _BARE_ARGUMENT.match(text, at)
            if text[at:].lstrip()[:1] == "{":
                inside, at = spelling.argument(text, at)
            elif bare:
                inside, at = bare.group().strip(), bare.end()
            else:
                return at
            self._group(inside)
        return at

    def _letters(self, text: str, at: int, written: str, is_worded: bool) -> None:
        is_called = written not in spelling.CALLED or _OPENS.match(text, at)
        is_called = is_called and (written != "sec" or text[at:].strip(" .$)"))  # seconds are no secant
        is_upright = text.strip() == written  # \mathrm{ln}
        if written.lower() == "equivalently":
            self._is_spaced = True
        elif written.lower() in spelling.WORDS:
            self.put(*spelling.WORDS[written.lower()], is_worded)
        elif written in spelling.PLAIN and is_called and (not is_worded or is_upright):
            self.put(*spelling.PLAIN[written])
        elif written == "x" and not is_worded and has(self.tokens[-1:], "number") and _TIMES_TEN.match(text, at):
            self.put("sign", "*", r"\times ")
        elif len(written) == 1 and written.isascii():
            self.put("name", written, written, is_worded)
        elif written in NO_PRODUCTS - {"in"} and text[at : at + 1] == "^" and not is_worded:  # \frac12 at^2
            for letter in written:
                self.put("name", letter, letter)
        elif written[1:] and has(self.tokens[-1:], "sign", "^") and not is_worded:  # a^nb^n
            self.put("name", written[0], written[0])
            self._letters(text, at, written[1:], is_worded)
        else:
            self.put("word", written, written if not is_worded else rf"\text{{{written}}}", is_worded)

    def _relation(self, written: str) -> None:
        written = {"=<": "<=", ":=": "=", "==": "="}.get(written, written)
        if self.tokens and self.tokens[-1].is_("command", "not"):
            del self.tokens[-1]
            written = {"=": "!="}.get(written, f"not {written}")
        self.put("relation", written, _RELATIONS.get(written, written))

    def _symbol(self, written: str, is_worded: bool) -> None:
        symbol = written[-1]
        if written in (r"\{", r"\}"):
            self.put("open" if symbol == "{" else "close", written, written)
        elif symbol == "$" and (len(written) == 2 or not self._has_delimiters):
            self.put("money", "$", "")
        elif symbol == "$" or (len(written) == 2 and symbol not in "%|"):
            self._is_spaced = True  # \( \) \[ \] delimit
        elif symbol in "<>=":
            self._relation(symbol)
        elif symbol == '"' and (self._is_quoted or not self.tokens or self.tokens[-1].kind in ("open", "join")):
            self._is_quoted = not self._is_quoted
        elif symbol == '"':
            self.put("sign", "'", "'")
            self.put("sign", "'", "'")
        elif symbol in spelling.CHARACTERS:
            self.put(*spelling.CHARACTERS[symbol], is_worded)
        elif symbol not in "`\\":
            is_seen = unicodedata.category(symbol) not in ("Cf", "Cc")
            self.put("word", symbol if is_seen else f"U+{ord(symbol):04X}", symbol if is_seen else "?", is_worded)


def with_open_ends(tokens: list[Token]) -> list[Token]:
    """``]0, 1[`` as ``(0, 1)``."""
    pending: list[str] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else END
        if token.is_("close", "]") and not pending:
            tokens[index] = replace(token, kind="open", value="(", latex="(")
            pending.append("(")
        elif token.is_("open", "[") and pending and pending[-1] in "([" and following.kind in ("end", "join", "sign"):
            tokens[index] = replace(token, kind="close", value=")", latex=")")
            pending.pop()
        elif token.kind == "open":
            pending.append(str(token.value))
        elif token.kind == "close" and pending:
            pending.pop()
    return tokens


def with_marks(tokens: list[Token]) -> list[Token]:
    r"""``^{\circ}``, ``^o`` and ``^{\prime}`` as one token each."""
    joined: list[Token] = []
    for token in tokens:
        joined.append(token)
        is_closed = len(joined) > 3 and token.is_("close", "}") and joined[-3].is_("open", "{")
        width, mark = (4, joined[-2]) if is_closed else (2, token)
        is_degree = mark.kind == "degree" or (mark.is_("name", "o") and has_any(joined[-width - 1 : -width], "number"))
        if (is_degree or mark.is_("sign", "'")) and len(joined) >= width and joined[-width].is_("sign", "^"):
            joined[-width:] = [_DEGREE if is_degree else mark]
    return joined
