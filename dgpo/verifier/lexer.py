r"""Text to tokens: the one place that knows how mathematics is spelt, in LaTeX, Unicode and plain text.

Layout (spaces, sizes, colours, delimiters, fonts) ends here. What a symbol means is the grammar's matter.
"""

import re
import unicodedata
from dataclasses import replace

from dgpo.verifier.arguments import argument
from dgpo.verifier.ends import with_marks, with_open_ends
from dgpo.verifier.numerals import GROUPS, read_number
from dgpo.verifier.spelling import (
    ACCENTS,
    BOLD,
    COMMANDS,
    DROPPED,
    FRACTIONS,
    FUNCTIONS,
    GREEK,
    LAYOUT,
    WORDED,
    in_ascii,
    with_backslashes,
)
from dgpo.verifier.tokens import Kind, Token, Tokens, Unreadable

MAX_TOKENS = 1500
MAX_DEPTH = 40

_TOKEN = re.compile(
    r"(?P<space>\s+|~|\\[,;:!> ])"
    rf"|(?P<number>(?:(?:{GROUPS})(?!\d)|\d+)(?:\.\d+|\.(?![.\d]))?|\.\d+|\.(?=\\(?:overline|bar|dot)(?![A-Za-z])))"
    r"|(?P<row>\\\\(?: ?\[ ?-?[\d.]+ ?[a-z]{2} ?\])?|\\cr(?![A-Za-z]))"
    r"|(?P<command>\\[A-Za-z]+\*?)|(?P<escaped>\\.)|(?P<dots>\.\.\.)"
    r"|(?P<relation><=|=<|>=|!=|:=|==)|(?P<power>\*\*)|(?P<letters>[A-Za-z]+|[\u4e00-\u9fff]+)|(?P<tag></?[a-z]{1,9}>)|(?P<other>.)",
    re.DOTALL,
)
_TIMES_TEN = re.compile(r"x(?= ?10 ?(?:\^|\*\*))")
_PYTHON_IMAGINARY = re.compile(r"j(?![A-Za-z\d_])")
_SAME_ACCENT = {"overrightarrow": "vec", "bar": "overline", "widehat": "hat"}
_BOLDS = ("mathbf", "boldsymbol", "bm")
_CHAT_TAG = re.compile(r"<\|[^|<>]{1,40}\|>")
_BOLD = re.compile(r"(\A|=) ?\*\*([^*]{1,200})\*\*(\Z|(?=\.?\s*\Z))")
_ESCAPED_TWICE = re.compile(
    r"(?<!\\)\\\\(?=(?:left|right|[dt]?frac|sqrt|text|pi|infty|circ|cup|boxed|begin|end)(?![A-Za-z]))"
)
_DOLLAR = re.compile(r"(?<!\\)\$")
_BARE_ARGUMENT = re.compile(r"\s*(?:(\d)|([A-Za-z])(?![A-Za-z])|(\\[A-Za-z]+)(?!\s*\{))")
_PLAIN_FUNCTIONS = FUNCTIONS - {"det", "sup", "inf", "lim", "deg"}
_OF_SEVERAL = frozenset(("max", "min", "gcd", "lcm"))
_CHARACTERS: dict[str, tuple[Kind, str, str]] = {
    **{symbol: ("open", symbol, symbol) for symbol in "([{"},
    **{symbol: ("close", symbol, symbol) for symbol in ")]}"},
    **{symbol: ("join", symbol, ", ") for symbol in ",;"},
    **{symbol: ("sign", symbol, symbol) for symbol in "+-/^_!:'."},
    **{symbol: ("money", symbol, "") for symbol in "€£¥₹¢"},
    "*": ("sign", "*", r"\cdot "),
    "%": ("percent", "%", r"\%"),
    "&": ("cell", "&", "&"),
    "|": ("bar", "|", "|"),
}
_JOINTS = {"or": "or", "and": "and", "either": "or", "maybe": "or", "perhaps": "or", "possibly": "or", "&": "and"}


def lex(text: str) -> Tokens:
    """The tokens of ``text``. Linear in its length.

    Raises Unreadable where braces do not close, or a number or the text is past the bounds.
    """
    text = with_backslashes(text)
    if not text.isascii():
        text = in_ascii(text)
    if "{:}" in text:
        text = text.replace("{:}", ":")
    if "<|" in text:
        text = _CHAT_TAG.sub(" ", text)
    if "**" in text:
        text = _BOLD.sub(r"\1 \2\3", text.strip())
    if "\\\\" in text:
        text = _ESCAPED_TWICE.sub(r"\\", text)
    is_delimiter = len(_DOLLAR.findall(text)) % 2 == 0  # delimiters come in pairs, one alone is money
    lexer = _Lexer(is_delimiter)
    lexer.read(text, is_worded=False)
    return tuple(with_marks(with_open_ends(lexer.tokens)))


class _Lexer:
    def __init__(self, is_delimiter: bool) -> None:
        self.tokens: list[Token] = []
        self._is_delimiter = is_delimiter
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
                if token.is_decimal and _PYTHON_IMAGINARY.match(text, at):
                    self.put("name", "i", "i")
                    at += 1
            elif kind == "command":
                at = self._command(text, at, written[1:].rstrip("*"), is_worded)
            elif kind == "letters":
                self._letters(text, at, written, is_worded)
            elif kind == "row":
                self.put("row", "row", r"\\ ")
            elif kind == "dots":
                self.put("dots", "...", r"\ldots ")
            elif kind == "relation":
                self._relation({"=<": "<=", ":=": "=", "==": "="}.get(written, written))
            elif kind == "power":
                self.put("sign", "^", "^")
            else:
                self._symbol(written, is_worded)

    def _command(self, text: str, at: int, name: str, is_worded: bool) -> int:
        if name in LAYOUT:
            if name in ("left", "right") and text[at : at + 1] == ".":
                at += 1
            self._is_spaced = self._is_spaced or name in ("quad", "qquad", "space")
        elif name in DROPPED:
            at = argument(text, at)[1]
        elif name in WORDED:
            inside, at = argument(text, at)
            if name in _BOLDS and inside.strip() in BOLD:
                self.put(*BOLD[inside.strip()])
            else:
                self._worded(name, inside)
        elif name in ("underbrace", "overbrace") and "dots" not in argument(text, at)[0]:
            inside, at = argument(text, at)
            self.read(inside, is_worded)
            if text[at : at + 1] in ("_", "^"):
                at = argument(text, at + 1)[1]
        elif name in ACCENTS:
            at = self._accented(text, at, name)
        elif name == "textcircled":
            inside, at = argument(text, at)
            self.put("word", f"({inside.strip()})", inside)
        elif name in ("mathbb", "mathds"):
            inside, at = argument(text, at)
            self.put("field", inside.strip(), rf"\mathbb{{{inside.strip()}}}")
        elif name in FRACTIONS:
            self.put("command", FRACTIONS[name], f"\\{FRACTIONS[name]}")
            at = self._bare_arguments(text, at, 2)
        elif name == "sqrt":
            self.put("command", "sqrt", r"\sqrt")
            at = self._bare_arguments(text, at, 1)
        elif name in COMMANDS:
            kind, value, spelt = COMMANDS[name]
            if kind == "relation":
                self._relation(value)
            else:
                self.put(kind, value, spelt)
        elif name in GREEK:
            plain = name.removeprefix("var")
            self.put("name", plain, f"\\{plain} ", is_worded)
        elif name in ("begin", "end"):
            inside, at = argument(text, at)
            self.put("command", f"{name} {inside.strip().rstrip('*')}", rf"\{name}{{{inside.strip()}}}")
            if name == "begin" and inside.strip() == "array" and text[at:].lstrip()[:1] == "{":
                at = argument(text, at)[1]
        elif name.startswith(("quad", "qquad")):
            self._is_spaced = True
            self._letters(text, at, name.partition("quad")[2], is_worded)
        elif name != "hline":
            self.put("command", name, f"\\{name} ", is_worded)
        return at

    def _worded(self, name: str, inside: str) -> None:
        start = len(self.tokens)
        self._is_spaced = self._is_spaced or inside[:1] == " "
        self.read(inside, is_worded=name not in _BOLDS and name not in ("mathcal", "mathscr", "mathit"))
        self._is_spaced = self._is_spaced or inside[-1:] == " "
        token = self.tokens[start] if len(self.tokens) == start + 1 else None
        kind, value, spelt = COMMANDS.get(str(token.value), ("", "", "")) if token else ("", "", "")
        if token and name == "operatorname" and kind == "function":
            self.tokens[start] = replace(token, kind=kind, value=value, latex=spelt, is_worded=False)

    def _accented(self, text: str, at: int, name: str) -> int:
        """``\\vec{a}`` as a name of its own; ``\\overline{AB}`` is the segment AB."""
        inside, at = argument(text, at)
        inside, name = inside.strip(), _SAME_ACCENT.get(name, name)
        if name == "overline" and re.fullmatch("[A-Z]{2}", inside):
            self._letters(text, at, inside, is_worded=False)
        elif inside in ("i", "j", "k", r"\imath", r"\jmath") and name in ("vec", "hat"):
            self.put("name", f"unit {inside.lstrip(chr(92))[0]}", inside)
        elif re.fullmatch(r"\\?[A-Za-z]+\d?|0", inside):
            self.put("name", f"{name} {inside}", rf"\{name}{{{inside}}}")
        else:
            self.put("command", name, f"\\{name} ")
            self.put("open", "{", "{")
            self.read(inside, is_worded=False)
            self.put("close", "}", "}")
        return at

    def _bare_arguments(self, text: str, at: int, count: int) -> int:
        """``\\frac12`` and ``\\sqrt2`` take one symbol each: put in braces."""
        for _ in range(count):
            if text[at:].lstrip()[:1] == "[":
                return at
            if text[at:].lstrip()[:1] == "{":
                inside, at = argument(text, at)
                self.put("open", "{", "{")
                self.read(inside, is_worded=False)
                self.put("close", "}", "}")
            elif bare := _BARE_ARGUMENT.match(text, at):
                self.put("open", "{", "{")
                self.read(bare.group().strip(), is_worded=False)
                self.put("close", "}", "}")
                at = bare.end()
            else:
                return at
        return at

    def _letters(self, text: str, at: int, written: str, is_worded: bool) -> None:
        lowered = written.lower()
        if lowered in _JOINTS:
            self.put("join", _JOINTS[lowered], rf"\text{{ {written} }}", is_worded)
        elif lowered == "except":
            self.put("sign", "setminus", r"\setminus ", is_worded)
        elif (
            (not is_worded or written == "cis")
            and written in _PLAIN_FUNCTIONS
            and (written not in _OF_SEVERAL or _opens(text, at))
        ):
            self.put("function", written, f"\\{written} ")
        elif not is_worded and written == "sqrt":
            self.put("command", "sqrt", r"\sqrt")
        elif not is_worded and written in GREEK and len(written) > 1 and written not in ("in",):
            self.put("name", written, f"\\{written} ")
        elif lowered in ("infinity", "inf") or (written == "infty" and not is_worded):
            self.put("infinity", "infinity", r"\infty ")
        elif not is_worded and written == "x" and self._is_times(text, at):
            self.put("sign", "*", r"\times ")
        elif len(written) == 1 and written.isascii():
            self.put("name", written, written, is_worded)
        else:
            self.put("word", written, written if not is_worded else rf"\text{{{written}}}", is_worded)

    def _is_times(self, text: str, at: int) -> bool:
        return bool(self.tokens) and self.tokens[-1].kind == "number" and bool(_TIMES_TEN.match(text, at - 1))

    def _relation(self, written: str) -> None:
        spelt = {"<=": r"\le ", ">=": r"\ge ", "!=": r"\ne ", "in": r"\in ", "~": r"\approx ", "equiv": r"\equiv "}
        if self.tokens and self.tokens[-1].is_("command", "not"):
            del self.tokens[-1]
            written = {"=": "!="}.get(written, f"not {written}")
        self.put("relation", written, spelt.get(written, written))

    def _symbol(self, written: str, is_worded: bool) -> None:
        symbol = written[-1]
        if written in (r"\{", r"\}"):
            self.put("open" if symbol == "{" else "close", written, written)
        elif symbol == "$" and (len(written) == 2 or not self._is_delimiter):
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
        elif symbol in _CHARACTERS:
            self.put(*_CHARACTERS[symbol], is_worded)
        elif symbol not in "`\\":
            is_seen = unicodedata.category(symbol) not in ("Cf", "Cc")
            self.put("word", symbol if is_seen else f"U+{ord(symbol):04X}", symbol if is_seen else "?", is_worded)


def _opens(text: str, at: int) -> bool:
    return text[at:].lstrip()[:1] in ("(", "{", "\\")
