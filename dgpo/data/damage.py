r"""Text that was changed on its way.

Repaired is what a web page, an encoding or a writer of files has made of it: HTML, UTF-8 that was taken for Windows'
encoding, escapes that were written out (`\u4e2d`, `\n`), backslashes twice, signs without width. A fault is LaTeX whose
backslash was read as an escape: `\frac` as a form feed and `rac`, `\theta` as a tab and `heta`.
"""

import html
import re
from collections.abc import Callable
from html.entities import html5

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31}\d{0,2});")
_SCRIPT = re.compile(r"<(sup|sub)>(.*?)</\1>", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>|(?<=\S)(?=</(?:p|div|li|tr)>\s*\S)")
_PAIR = re.compile(r"<(p|div|span|strong|em|b|i|u|li|ul|ol|td|tr|table|tbody)(?:\s[^<>]*)?>(.*?)</\1>", re.DOTALL)
_MISTAKEN = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0178\u0192\u02c6\u02dc\u2013-\u2122]")
_CODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_BREAK_SPELT = re.compile(r"(?<!\\)\\n(?![a-z]|(?:Left|Right|V)[a-zD])")  # \neq and \nRightarrow are LaTeX
_WIDTHLESS = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_COMMAND = re.compile(
    r"(\\+)(?:[dt]?frac|sqrt|text|mathrm|boxed|cdot|times|left|right|pi|theta|alpha|sin|cos|log|le|ge)(?![A-Za-z])"
)

_LETTER = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_NAMES = {"\a": "bell", "\b": "backspace", "\t": "tab", "\n": "line break", "\v": "vertical tab", "\f": "form feed",
          "\r": "carriage return"}  # fmt: skip

# What no text has by itself; a line break, a tab and a carriage return are looked at with what follows.
_NEVER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CUT = re.compile(
    r"""\t(?:heta|imes|ext(?=\{)|ext(?:bf|it|rm)|d?frac|riangle|ilde|binom|herefore)(?![A-Za-z])
    |\n(?:eq|abla|otin|parallel|cong|leq|geq|less|subseteq|rightarrow|leftarrow|exists)(?![A-Za-z])
    |\r(?:ho|ight|angle|ceil|floor|ightarrow|oot|brace|brack|m(?=\{))(?![A-Za-z])""",
    re.VERBOSE,
)
# What may also be a word of prose, but not within a formula.
_CUT_IN_FORMULA = re.compile(
    r"(?:(?<=\S)|\A)\n(?:e|u|i|eg|ot|mid|warrow|earrow)(?![A-Za-z])|\t(?:anh?|au|o|op)(?![A-Za-z])"
)
FORMULA = re.compile(r"\$[^$]+\$")
# The control character is gone, and what is left of the command is no word.
_REMAINS = re.compile(
    r"(?<![\\A-Za-z])(?:rac|oxed|inom|egin|ext(?:bf|it)?|[dt]?frac|boxed|begin|mathrm|mathbf)(?=\{)"
    r"|(?<![\\A-Za-z])(?:heta|abla|ightarrow|orall)(?![A-Za-z])|\A(?:imes|ho|ight)(?![A-Za-z])"
)


def repair_text(text: str) -> tuple[str, list[str]]:
    """The text as it was meant, and what it had that was not."""
    had = []
    for what, repair in _REPAIRS.items():
        if (better := repair(text)) != text:
            had.append(what)
            text = better
    return text, had


def _without_html(text: str) -> str:
    """A sign that begins no entity, and a `<` that opens no pair of tags, stay: `a<b`, `1 & 2`."""
    if "<" in text:
        text = _SCRIPT.sub(lambda found: f"{'^' if found[1] == 'sup' else '_'}{{{found[2]}}}", text)
        text = _BREAK.sub("\n", text)
        while (inner := _PAIR.sub(r"\2", text)) != text:
            text = inner
    while "&" in text and (inner := _ENTITY.sub(_character, text)) != text:  # `&amp;lt;` was escaped twice
        text = inner
    return text


def _character(entity: re.Match[str]) -> str:
    known = entity[0].startswith("&#") or entity[0][1:] in html5
    return html.unescape(entity[0]).replace("\xa0", " ") if known else entity[0]


def _in_utf8(text: str) -> str:
    """`Â½` is `½`."""
    if not _MISTAKEN.search(text):
        return text
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode()
        except UnicodeError:
            continue
    return text


def _without_escapes(text: str) -> str:
    if _CODE.search(text):
        # Of two halves of a pair that one sign is made of as well.
        halves = _CODE.sub(lambda found: chr(int(found[1], 16)), text).encode("utf-16", "surrogatepass")
        text = halves.decode("utf-16", "replace")
    # In a text with line breaks it may be anything.
    return text if "\n" in text else _BREAK_SPELT.sub("\n", text)


def _with_single_backslashes(text: str) -> str:
    """Where each command has two: one alone may follow a line break of LaTeX."""
    commands = [signs for signs in _COMMAND.findall(text) if signs]
    return text.replace("\\\\", "\\") if commands and all(len(signs) % 2 == 0 for signs in commands) else text


_REPAIRS: dict[str, Callable[[str], str]] = {
    "HTML": _without_html,
    "signs of UTF-8 that was read as another encoding": _in_utf8,
    "backslashes twice": _with_single_backslashes,
    "escapes that were written out": _without_escapes,
    "signs without width": lambda text: _WIDTHLESS.sub("", text),
}


def backslash_fault(text: str, *, is_answer: bool) -> str:
    """What is wrong with the first LaTeX command in `text` that lost its backslash, and the remedy; "" for none."""
    match = _NEVER.search(text) or _CUT.search(text)
    if not match:
        parts = [text] if is_answer else FORMULA.findall(text)
        match = next((cut for part in parts if (cut := _CUT_IN_FORMULA.search(part))), None)
    if match:
        sign, letter = match[0][0], _LETTER.get(match[0][0])
        name = _NAMES.get(sign, f"control character {ord(sign):#04x}")
        rest = re.match(r"[A-Za-z]*", match.string[match.start() + 1 :])
        word = rest[0] if rest else ""
        if letter is None:
            return f"holds a {name}, which no text has; take it out"
        return (
            f"holds a {name} and then {word[:12]!r}, which was \\{letter}{word[:12]}: its backslash was read as an "
            "escape; write each backslash twice in JSON and in Python strings (json.dumps does)"
        )
    if is_answer and (cut := _REMAINS.search(text)):
        return (
            f"has {cut[0]!r} where a LaTeX command lost its backslash; write it again from the source, each backslash "
            "twice in JSON and in Python strings (json.dumps does)"
        )
    return ""
