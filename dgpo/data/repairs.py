r"""Text that a web page, an encoding or a writer of files has changed, read as it was meant: HTML, UTF-8 that was taken
for Windows' encoding, escapes that were written out (`\u4e2d`, `\n`), backslashes twice, signs without width."""

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
