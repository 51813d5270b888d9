r"""LaTeX whose backslash was read as an escape: `\frac` as a form feed and `rac`, `\theta` as a tab and `heta`."""

import re

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
