r"""Text to tokens: the one place that knows how mathematics is spelt, in LaTeX, Unicode and plain text.

Layout (spaces, sizes, colours, delimiters, fonts) ends here. What a symbol means is the grammar's matter.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from dgpo.verifier.spelling import (
    ACCENTS,
    CLOSING,
    DROPPED,
    FRACTIONS,
    FUNCTIONS,
    GREEK,
    LAYOUT,
    OPENING,
    SIGNS,
    WORDED,
    in_ascii,
)

Kind = Literal[
    "number", "name", "function", "command", "sign", "relation", "join", "open", "close", "bar", "word", "degree",
    "percent", "money", "infinity", "empty", "field", "row", "cell", "dots", "end",
]  # fmt: skip
MAX_TOKENS = 1500
MAX_DEPTH = 40
MAX_DIGITS = 1000
MAX_EXPONENT = 400


@dataclass(frozen=True, slots=True)
class Token:
    """A symbol.

    Attributes:
        value: Its one spelling, or the number.
        latex: How math-verify reads it.
        is_spaced: Whether white space stands before it.
        is_worded: Whether it stands in ``\\text{}`` or the like.
        is_decimal: A number with a point or an exponent, and no repeating digits.
        groups: Of ``1,234``: the numbers that it is in a list.
    """

    kind: Kind
    value: str | Fraction
    latex: str
    is_spaced: bool = False
    is_worded: bool = False
    is_decimal: bool = False
    groups: tuple[str, ...] = ()

    def is_(self, kind: Kind, *values: str) -> bool:
        return self.kind == kind and (not values or self.value in values)


Tokens = tuple[Token, ...]


class Unreadable(Exception):
    """The text is past the bounds, or its braces do not close."""


_GROUPS = r"\d{1,3}(?:,\d{3})+|[1-9]\d{0,2}(?:(?:\{,\}|\\[!,:; ]|,\\! ?|,\{\} ?|\\!, ?| )\d{3})+"
_PERIOD = r"\\(?:overline|bar|dot) ?\{? ?(?P<period>\d+) ?\}?"
_TOKEN = re.compile(
    r"(?P<space>\s+|~|\\[,;:!> ])"
    rf"|(?P<number>(?:(?:{_GROUPS})(?!\d)|\d+)(?:\.\d+|\.(?![.\d]))?|\.\d+|\.(?=\\(?:overline|bar|dot)(?![A-Za-z])))"
    r"|(?P<row>\\\\(?: ?\[ ?-?[\d.]+ ?[a-z]{2} ?\])?|\\cr(?![A-Za-z]))"
    r"|(?P<command>\\[A-Za-z]+\*?)|(?P<escaped>\\.)|(?P<dots>\.\.\.)"
    r"|(?P<relation><=|=<|>=|!=|:=|==)|(?P<power>\*\*)|(?P<letters>[A-Za-z]+|[\u4e00-\u9fff]+)|(?P<tag></?[a-z]{1,9}>)|(?P<other>.)",
    re.DOTALL,
)
_MORE_DIGITS = re.compile(
    rf"{_PERIOD}|(?P<printed> ?(?:\.\.\.|\\l?dots|\\cdots)(?![A-Za-z]))|[eE](?P<power>[+-]?\d{{1,4}})(?![A-Za-z\d])"
)
_REPEATED = re.compile(r"(\d{1,12}?)\1+\Z")
_TIMES_TEN = re.compile(r"x(?= ?10 ?(?:\^|\*\*))")
_CHAT_TAG = re.compile(r"<\|[^|<>]{1,40}\|>")
_BOLD = re.compile(r"(\A|=) ?\*\*([^*]{1,200})\*\*(\Z|(?=\.?\s*\Z))")
_ESCAPED_TWICE = re.compile(r"(?<!\\)\\\\(?=(?:left|right|[dt]?frac|sqrt|text|pi|infty|cup|boxed)(?![A-Za-z]))")
_DOLLAR = re.compile(r"(?<!\\)\$")
_BARE_ARGUMENT = re.compile(r"\s*(?:(\d)|([A-Za-z])(?![A-Za-z])|(\\[A-Za-z]+)(?!\s*\{))")
_PLAIN_FUNCTIONS = FUNCTIONS - {"det", "sup", "inf", "lim", "deg"}
_OF_SEVERAL = frozenset(("max", "min", "gcd", "lcm"))
_JOINTS = {"or": "or", "and": "and", "either": "or", "maybe": "or", "perhaps": "or", "possibly": "or", "&": "and"}


def lex(text: str) -> Tokens:
    """The tokens of ``text``. Linear in its length.

    Raises Unreadable where braces do not close, or a number or the text is past the bounds.
    """
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
    return tuple(_with_degrees(_with_open_ends(lexer.tokens)))


def latex(tokens: Sequence[Token]) -> str:
    """What math-verify reads of them."""
    text = ""
    for token in tokens:
        is_run_on = text[-1:].isalnum() and token.latex[:1].isalnum()
        text += f" {token.latex}" if is_run_on else token.latex
    return text


class _Lexer:
    def __init__(self, is_delimiter: bool) -> None:
        self.tokens: list[Token] = []
        self._is_delimiter = is_delimiter
        self._is_spaced = False
        self._depth = 0

    def put(self, kind: Kind, value: str | Fraction, latex: str, is_worded: bool = False, **more: object) -> None:
        if len(self.tokens) >= MAX_TOKENS:
            raise Unreadable("too long")
        self.tokens.append(Token(kind, value, latex, self._is_spaced, is_worded, **more))  # pyright: ignore[reportArgumentType]
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
                at = self._number(text, found, is_worded)
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

    def _number(self, text: str, found: re.Match[str], is_worded: bool) -> int:
        written, at = found.group(), found.end()
        digits = re.sub(r"[^\d.]", "", written)
        whole, _, decimals = digits.partition(".")
        if len(digits) > MAX_DIGITS:
            raise Unreadable("too many digits")
        value = Fraction(f"{whole or 0}.{decimals or 0}")
        is_decimal = bool(decimals) or (digits.endswith(".") and not text[at:].strip(" $*}"))
        more = _MORE_DIGITS.match(text, at)
        if more and more["period"] and "." in digits:
            value += Fraction(int(more["period"]), 10 ** len(decimals) * (10 ** len(more["period"]) - 1))
            at, is_decimal = more.end(), False
        elif more and more["power"] and not is_worded and abs(int(more["power"])) <= MAX_EXPONENT:
            value *= Fraction(10) ** int(more["power"])
            at, is_decimal = more.end(), True
        elif more and more["printed"] and len(decimals) >= 3:
            at = more.end()
            if period := _REPEATED.search(decimals):
                head = decimals[: period.start()]
                value = Fraction(f"{whole or 0}.{head or 0}")
                value += Fraction(int(period[1]), 10 ** len(head) * (10 ** len(period[1]) - 1))
                is_decimal = False
        groups = tuple(written.split(",")) if "," in written and not set("{\\.") & set(written) else ()
        shown = f"{whole or 0}.{decimals}" if decimals else str(int(whole or 0)) if len(whole) < 400 else whole
        if value != Fraction(f"{whole or 0}.{decimals or 0}"):
            shown = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        self.put("number", value, shown, is_worded, is_decimal=is_decimal, groups=groups)
        return at

    def _command(self, text: str, at: int, name: str, is_worded: bool) -> int:
        if name in LAYOUT:
            if name in ("left", "right") and text[at : at + 1] == ".":
                at += 1
            self._is_spaced = self._is_spaced or name in ("quad", "qquad", "space")
        elif name in DROPPED:
            at = _argument(text, at)[1]
        elif name in WORDED:
            inside, at = _argument(text, at)
            if name in ("mathbf", "boldsymbol", "bm", "vec") and inside.strip() in ("i", "j", "k"):
                self.put("name", f"unit {inside.strip()}", inside.strip())
            elif name == "mathbf" and inside.strip() in ("R", "Z", "N", "Q", "C"):
                self.put("field", inside.strip(), rf"\mathbb{{{inside.strip()}}}")
            elif name == "mathbf" and inside.strip() == "0":
                self.put("name", "vec 0", r"\vec{0}")
            else:
                start = len(self.tokens)
                self._is_spaced = self._is_spaced or inside[:1] == " "
                self.read(inside, is_worded=name not in ("mathbf", "boldsymbol", "bm", "mathcal", "mathscr", "mathit"))
                self._is_spaced = self._is_spaced or inside[-1:] == " "
                if name == "operatorname" and len(self.tokens) == start + 1:
                    self._as_function(start)
        elif name in ACCENTS:
            at = self._accented(text, at, name)
        elif name == "textcircled":
            inside, at = _argument(text, at)
            self.put("word", f"({inside.strip()})", inside)
        elif name in ("mathbb", "mathds"):
            inside, at = _argument(text, at)
            self.put("field", inside.strip(), rf"\mathbb{{{inside.strip()}}}")
        elif name in FRACTIONS:
            self.put("command", FRACTIONS[name], f"\\{FRACTIONS[name]}")
            at = self._bare_arguments(text, at, 2)
        elif name == "sqrt":
            self.put("command", "sqrt", r"\sqrt")
            at = self._bare_arguments(text, at, 1)
        elif name in FUNCTIONS:
            name = {"tg": "tan", "ctg": "cot", "arctg": "arctan"}.get(name, name)
            self.put("function", name, f"\\{name} ")
        elif name in SIGNS:
            kind, value, spelt = SIGNS[name]
            if kind == "relation":
                self._relation(value)
            else:
                self.put(kind, value, spelt)  # pyright: ignore[reportArgumentType]
        elif name in OPENING:
            self.put(
                "open",
                OPENING[name],
                f"\\{name} " if name.startswith("l") and name[1:] in ("floor", "ceil") else OPENING[name],
            )
        elif name in CLOSING:
            self.put("close", CLOSING[name], f"\\{name} " if name[1:] in ("floor", "ceil") else CLOSING[name])
        elif name in ("vert", "lvert", "rvert", "mid", "|", "lVert", "rVert", "Vert"):
            self.put("bar", "|", "|")
        elif name in GREEK:
            plain = name.removeprefix("var")
            self.put("name", plain, f"\\{plain} ", is_worded)
        elif name in ("begin", "end"):
            inside, at = _argument(text, at)
            self.put("command", f"{name} {inside.strip().rstrip('*')}", rf"\{name}{{{inside.strip()}}}")
            if name == "begin" and inside.strip() == "array" and text[at:].lstrip()[:1] == "{":
                at = _argument(text, at)[1]
        elif name == "not":
            self.put("command", "not", r"\not ")
        elif name == "hline":
            pass
        elif name.startswith(("quad", "qquad")):
            self._is_spaced = True
            self._letters(text, at, name.partition("quad")[2], is_worded)
        else:
            self.put("command", name, f"\\{name} ", is_worded)
        return at

    def _as_function(self, at: int) -> None:
        token = self.tokens[at]
        name = {"tg": "tan", "ctg": "cot", "arctg": "arctan"}.get(str(token.value), str(token.value))
        if name in FUNCTIONS:
            self.tokens[at] = replace(token, kind="function", value=name, latex=f"\\{name} ", is_worded=False)

    def _accented(self, text: str, at: int, name: str) -> int:
        """``\\vec{a}`` as a name of its own; ``\\overline{AB}`` is the segment AB."""
        inside, at = _argument(text, at)
        inside = inside.strip()
        if name == "overline" and re.fullmatch("[A-Z]{2}", inside):
            self._letters(text, at, inside, is_worded=False)
        elif inside in ("i", "j", "k", r"\imath", r"\jmath") and name in ("vec", "hat", "overrightarrow"):
            self.put("name", f"unit {inside.lstrip(chr(92))[0]}", inside)
        elif re.fullmatch(r"\\?[A-Za-z]+\d?|0", inside):
            name = "vec" if name == "overrightarrow" else name
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
                inside, at = _argument(text, at)
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
        elif not is_worded and written in _PLAIN_FUNCTIONS and (written not in _OF_SEVERAL or _opens(text, at)):
            self.put("function", written, f"\\{written} ")
        elif not is_worded and written == "sqrt":
            self.put("command", "sqrt", r"\sqrt")
        elif not is_worded and written in GREEK and len(written) > 1 and written not in ("in",):
            self.put("name", written, f"\\{written} ")
        elif lowered == "infinity" or (written == "infty" and not is_worded):
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
        if written == "\\":
            return
        if written == r"\{" or written == r"\}":
            self.put("open" if symbol == "{" else "close", written, written)
        elif written == r"\|" or written == "|":
            self.put("bar", "|", "|")
        elif symbol == "%":
            self.put("percent", "%", r"\%")
        elif symbol == "$":
            if len(written) == 1 and self._is_delimiter:
                self._is_spaced = True
            else:
                self.put("money", "$", "")
        elif len(written) == 2:
            self._is_spaced = True  # \( \) \[ \] delimit
        elif symbol in "([{":
            self.put("open", symbol, symbol)
        elif symbol in ")]}":
            self.put("close", symbol, symbol)
        elif symbol in "<>=":
            self._relation(symbol)
        elif symbol in ",;":
            self.put("join", symbol, ", ")
        elif symbol in "+-*/^_!:":
            self.put("sign", symbol, {"*": r"\cdot "}.get(symbol, symbol), is_worded)
        elif symbol == "'":
            self.put("sign", "'", "'")
        elif symbol == '"':
            self.put("sign", "'", "'")
            self.put("sign", "'", "'")
        elif symbol == "&":
            self.put("cell", "&", "&")
        elif symbol in "€£¥₹¢":
            self.put("money", symbol, "")
        elif symbol == "`":
            pass
        elif symbol == ".":
            self.put("sign", ".", ".")
        elif unicodedata.category(symbol) not in ("Cf", "Cc"):
            self.put("word", symbol, symbol, is_worded)
        else:
            self.put("word", f"U+{ord(symbol):04X}", "?")


def _opens(text: str, at: int) -> bool:
    return text[at:].lstrip()[:1] in ("(", "{", "\\")


def _argument(text: str, at: int) -> tuple[str, int]:
    """The group or the symbol that follows ``at``, and where it ends."""
    while text[at : at + 1].isspace():
        at += 1
    if text[at : at + 1] != "{":
        found = re.compile(r"\\[A-Za-z]+|\\?.", re.DOTALL).match(text, at)
        return (found.group(), found.end()) if found and found.group() not in "}" else ("", at)
    depth = 0
    for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, at):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[at + 1 : brace.start()], brace.end()
    raise Unreadable("a brace does not close")


def _with_open_ends(tokens: list[Token]) -> list[Token]:
    """``]0, 1[`` as ``(0, 1)``."""
    if not any(token.value in ("[", "]") for token in tokens):
        return tokens
    pending: list[str] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else Token("end", "", "")
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


def _with_degrees(tokens: list[Token]) -> list[Token]:
    r"""``^{\circ}`` and ``^o`` as one token."""
    found: list[Token] = []
    for token in tokens:
        if token.kind == "degree" or (token.is_("name", "o") and token.is_worded):
            if found and found[-1].is_("sign", "^"):
                found[-1] = Token("degree", "degree", r"^{\circ}")
                continue
            if len(found) > 1 and found[-1].is_("open", "{") and found[-2].is_("sign", "^"):
                found[-2:] = [Token("degree", "degree", r"^{\circ}"), Token("end", "", "")]
                continue
        if token.is_("close", "}") and found and found[-1].kind == "end":
            found.pop()
        else:
            found.append(token)
    return [token for token in found if token.kind != "end"]
