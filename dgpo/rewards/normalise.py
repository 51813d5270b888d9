r"""One spelling for equal LaTeX: what changes the look of an answer and never its value.

Nothing here drops a symbol that could matter: `clean` takes out layout (delimiters, sizes, thin spaces, size
variants of commands), and `key` the white space that LaTeX ignores.
"""

import re

_UNICODE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    {
        "\u3000": " ", "\u00a0": " ", "\u2212": "-", "\u2013": "-", "×": r" \times ", "·": r" \cdot ",
        "÷": "/", "≤": r" \le ", "≥": r" \ge ", "≠": r" \ne ", "π": r" \pi ", "∞": r" \infty ",
        "∪": r" \cup ", "±": r" \pm ", "°": r"^{\circ}", "²": "^{2}", "³": "^{3}",
        "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    }
)  # fmt: skip

_REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?", ""),
        (r"\\(?:displaystyle|textstyle|limits|nolimits)(?![A-Za-z])", ""),
        (r"\\(?:boxed|fbox)(?![A-Za-z])", ""),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\(?:leqslant|leq)(?![A-Za-z])", r"\\le"),
        (r"\\(?:geqslant|geq)(?![A-Za-z])", r"\\ge"),
        (r"\\neq(?![A-Za-z])", r"\\ne"),
        (r"\\(?:lbrace)(?![A-Za-z])", r"\\{"),
        (r"\\(?:rbrace)(?![A-Za-z])", r"\\}"),
        (r"\\(?:degree|degrees)(?![A-Za-z])", r"^{\\circ}"),
        (r"\^\s*\\circ(?![A-Za-z])", r"^{\\circ}"),
        (r"(?<=\d)(?:\{,\}|\\[,!])(?=\d{3}(?!\d))", ","),
        (r"(?<=\d),(?:\\!|\{\}) *(?=\d{3}(?!\d))", ","),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|~|\\q?quad(?![A-Za-z])", " "),
        (r"(?<!\\)\\([%$])", r"\1"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
        (r"([\^_]) ?(\d(?![\d.])|[A-Za-z](?![A-Za-z]))", r"\1{\2}"),
        (r"\s+", " "),
    )
]
_DELIMITERS = [(r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`")]
_DOLLAR = re.compile(r"(?<!\\)\$")
WRAPPER = r"\\(?:text(?:bf|it|rm|normal)?|math(?:bf|it|rm)|operatorname|mbox) ?\{([^{}]*)\}"
"""A command that sets its argument as words, with the words as its group."""
_IGNORED_SPACE = re.compile(r"(?<![0-9A-Za-z]) | (?![0-9A-Za-z])")
_CHOICE = re.compile(
    r"\(?(?P<bare>[A-J])\)?[.:)]?"  # B, (B), B.
    r"|(?:\((?P<bracketed>[A-J])\)|(?P<dotted>[A-J])[.:)]) (?P<after>.+)"  # (B) Paris, B. 12
    r"|(?P<named>[A-J]) (?P<name>[A-Za-z]{2}.*)",  # B Paris
    re.IGNORECASE | re.DOTALL,
)
_LONE_LETTER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")


def clean(text: str) -> str:
    """``text`` without layout; what the numeric and the symbolic stage read."""
    text = text.translate(_UNICODE).strip()
    if len(_DOLLAR.findall(text)) % 2 == 0:  # delimiters come in pairs, one alone is money
        text = _DOLLAR.sub(" ", text).strip()
    peeled = True
    while peeled:
        peeled = False
        for left, right in _DELIMITERS:
            inner = text[len(left) : -len(right)]
            delimited = len(text) > len(left) + len(right) and text.startswith(left) and text.endswith(right)
            if delimited and left not in inner and right not in inner:
                text, peeled = inner.strip(), True
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = text.strip().removesuffix(".").rstrip("\\ ")
    for _ in range(3):
        if text.startswith("{") and text.endswith("}") and balanced(text[1:-1]):
            text = text[1:-1].strip()
    return text


def key(cleaned: str) -> str:
    r"""Equal keys mean equal answers: white space that LaTeX ignores is gone, ``\text{}`` opened."""
    return _IGNORED_SPACE.sub("", plain(cleaned))


def plain(cleaned: str) -> str:
    r"""``cleaned`` with the words of ``\text{...}``, ``\mathrm{...}`` and their like in the open."""
    return re.sub(r"\s+", " ", re.sub(WRAPPER, r" \1 ", cleaned)).strip()


def words(cleaned: str) -> str | None:
    """The answer in lower case when it is made of words alone (``Even``, ``not enough information``)."""
    text = plain(cleaned)
    return text.lower() if re.fullmatch(r"[A-Za-z]{2,}(?:[ '-][A-Za-z]+)*", text) else None


def choice(cleaned: str) -> str | None:
    """The letter of a multiple-choice answer (``B``, ``(b)``, ``B. Paris``), None where several are named."""
    found = _CHOICE.fullmatch(plain(cleaned))
    if not found or _LONE_LETTER.search(found["after"] or found["name"] or ""):
        return None
    return (found["bare"] or found["bracketed"] or found["dotted"] or found["named"]).upper()


def balanced(text: str) -> bool:
    r"""Whether the braces of ``text`` (``\{`` aside) close in order."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0
