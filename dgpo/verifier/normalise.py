r"""One spelling for equal LaTeX: what changes the look of an answer and never its value.

Nothing here drops a symbol that could matter: `clean` takes out layout (delimiters, sizes, colours, thin spaces,
size variants of commands), and `key` the white space that LaTeX ignores.
"""

import re
import unicodedata
from functools import lru_cache

from dgpo.verifier.conditions import without_condition
from dgpo.verifier.systems import unrolled

_SIGNS = {
    "\u3000": " ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "\u2013": "-", "\u2044": "/",
    "×": r" \times ", "·": r" \cdot ", "⋅": r" \cdot ", "∙": r" \cdot ", "÷": "/", "≤": r" \le ", "≥": r" \ge ",
    "⩽": r" \le ", "⩾": r" \ge ", "≠": r" \ne ", "∞": r" \infty ", "∪": r" \cup ", "∩": r" \cap ",
    "±": r" \pm ", "∓": r" \mp ", "°": r"^{\circ}", "∈": r" \in ", "∅": r" \emptyset ", "√": r"\sqrt ",
    "∛": r"\sqrt[3] ",
    "≈": r" \approx ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}", "⟨": "(", "⟩": ")", "。": ". ", "、": ", ", "“": '"', "”": '"', "’": "'", "…": "...",
    "或": " or ", "且": " and ",
}  # fmt: skip
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_RADICAL = re.compile(r"([√∛]) ?(\d+(?:\.\d+)?|[A-Za-z])")
_GREEK = re.compile("[α-ωΓΔΘΛΞΠΣΦΨΩ]")


def _unicode_table() -> dict[int, str]:
    full_width = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    vulgar = {}
    for code in (0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F)):
        top, _, bottom = unicodedata.normalize("NFKC", chr(code)).partition("\u2044")
        if bottom:
            vulgar[code] = rf"\frac{{{top}}}{{{bottom}}}"
    return full_width | vulgar | str.maketrans(_SIGNS)


_UNICODE = _unicode_table()
_END = r"(?![A-Za-z])"
_REWRITES = [
    (needs.split(), re.compile(pattern), replacement)
    for needs, pattern, replacement in (
        (r"\\", r"(?<!\\)\\\\(?=(?:left|right|[dt]?frac|sqrt|text|pi|infty|cup|boxed|begin|end)(?![A-Za-z]))", r"\\"),
        ("<|", r"<\|[^|<>]{1,40}\|>", " "),
        ("<s <answer </", r"</?(?:s|answer)>", " "),
        ("**", r"= ?\*\*([^*]{1,200})\*\*", r"= \1"),
        (r"\left \right \big \Big", rf"\\(?:left|right|[bB]igg?[lrm]?){_END}\s*\.?", ""),
        ("style limits", rf"\\(?:(?:display|text|script)style|(?:no)?limits){_END}", ""),
        ("tiny small size arge LARGE uge", rf"\\(?:tiny|small|normalsize|[lL]arge|LARGE|[hH]uge){_END}", ""),
        (r"\bf \it \rm \sf \tt \centering", rf"\\(?:bf|it|rm|sf|tt|bfseries|centering){_END} ?", ""),
        ("phantom label tag space", r"\\(?:[hv]?phantom|label|tag\*?|vspace|hspace) ?\{[^{}]*\}", ""),
        ("color", r"\\(?:text)?color ?\{[^{}]*\}", ""),
        ("box underline mathstrut", rf"\\(?:boxed|fbox|underline|mathstrut){_END}", ""),
        ("name", r"\\operatorname\*? ?\{((?:arc)?(?:sin|cos|tan)h?|cot|sec|csc|ln|log|exp|gcd|max|min)\}", r"\\\1 "),
        ("tg", rf"\\operatorname ?\{{ ?(arc)?tg ?\}}|\\(arc)?tg{_END}", r"\\\1\2tan "),
        ("ctg", rf"\\operatorname ?\{{ ?ctg ?\}}|\\ctg{_END}", r"\\cot "),
        ("frac", rf"\\(?:[dtc]|nice|s)frac{_END}", r"\\frac"),
        ("binom", rf"\\[dt]binom{_END}", r"\\binom"),
        ("choose", r"\{ ?(\w+) ?\\choose ?(\w+) ?\}", r"\\binom{\1}{\2}"),
        (r"\over", r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}", r"\\frac{\1}{\2}"),
        (r"<= =< \le", rf"<=|=<|\\(?:leqslant|leqq|leq){_END}", r"\\le "),
        (r">= \ge", rf">=|\\(?:geqslant|geqq|geq){_END}", r"\\ge "),
        (r"!= \neq \not", rf"!=|\\(?:neq|not ?=){_END}", r"\\ne "),
        (r"\lt", rf"\\lt{_END}", "<"),
        (r"\gt", rf"\\gt{_END}", ">"),
        ("brace", rf"\\lbrace{_END}", r"\\{"),
        ("brace", rf"\\rbrace{_END}", r"\\}"),
        ("angle", rf"\\langle{_END}", "("),
        ("angle", rf"\\rangle{_END}", ")"),
        ("vert", rf"\\[lr]?vert{_END}", "|"),
        ("colon {:}", rf"\\colon{_END}|\{{:\}}", ":"),
        (r"\varnothing \O \{", rf"\\(?:varnothing|O){_END}|\\\{{ ?\\\}}", r"\\emptyset "),
        ("degree", rf"\\(?:degree|degrees){_END}", r"^{\\circ}"),
        ("o", r"\^ ?\{ ?\\(?:text|mathrm|rm) ?\{ ?o ?\} ?\}", r"^{\\circ}"),
        ("circ", rf"\^\s*\\circ{_END}", r"^{\\circ}"),
        ("nfinity", r"\A\s*([+-]?) ?(?:\\text ?\{ ?)?[Ii]nfinity ?\}?\s*\Z", r"\1\\infty"),
        ("infty", rf"(?<![\w)}}\]]) ?\+ ?(?=\\infty{_END})", " "),
        ("there implies arrow approx simeq", rf"\A\s*\\(?:therefore|implies|Rightarrow|approx|simeq){_END}", ""),
        (":=", r":=", "="),
        ("dots", rf"\\[ld]?dots[bcmo]?{_END}|\\cdots{_END}", r"\\ldots "),
        ("overline", r"\\overline ?\{ ?([A-Z]{2}) ?\}", r"\1"),
        ("overrightarrow", rf"\\overrightarrow{_END}", r"\\vec"),
        ("vec", r"\\vec ?(?:\{ ?0 ?\}|0(?![\d.]))", r"\\mathbf{0}"),
        ("pmod", r"\\pmod ?(\d)", r"\\pmod{\1}"),
        (r"\\", r"\\\\ ?\[ ?-?[\d.]+ ?(?:pt|em|ex|mm|cm|in) ?\]", r"\\\\"),
        ("{,}", r"(?<![\d.,])[1-9]\d{0,2}(?:\{,\}\d{3})+(?!\d)", lambda found: found.group().replace("{,}", "")),
        (r", \!", r"(?<=\d)(?: ?\{ ?, ?\} ?|\\[,!])(?=\d{3}(?!\d))", ","),
        (",", r"(?<=\d),(?:\\!|\{\}) *(?=\d{3}(?!\d))", ","),
        (r"\!", r"(?<!\\)\\!", ""),
        ("\\", r"(?<!\\)((?:\\\\)*)\\[,;: >]", r"\1 "),
        ("~ quad space", rf"~|\\q?quad{_END}|\\(?:thin|med|thick)?space{_END}", " "),
        (";", r"([(\[\]][^()\[\];,]{1,60}) ?; ?(?=[^()\[\];,]{1,60}[)\]\[])", r"\1, "),
        ("]", r"(\A|\\cup|\\in|[=,]) ?\](?=[^()\[\]]{1,60},[^()\[\]]{1,60}[\[\]])", r"\1 ("),
        ("[", r"([(\[][^()\[\]]{1,60},[^()\[\]]{1,60})\[(?= ?(?:\Z|\\cup|[,$]))", r"\1)"),
        ("max min gcd lcm", r"(\\(?:max|min|gcd|lcm)) ?\\\{([^{}]*)\\\}", r"\1(\2)"),
        (r"\% \$ \#", r"(?<!\\)\\([%$#])", r"\1"),
        (r"\frac", r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\frac", r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
        (r"\frac", r"\\frac\s*(\d)\s*(?=\{)", r"\\frac{\1}"),
        (r"\sqrt", r"\\sqrt\s*(\d|[A-Za-z](?![A-Za-z]))", r"\\sqrt{\1}"),
        ("O", r"\\mathcal ?\{ ?O ?\}", "O"),
        ("C", r"(?<![A-Za-z\\}\])])C ?\( ?(\d{1,4}) ?, ?(\d{1,4}) ?\)", r"\\binom{\1}{\2}"),
        ("C", r"(?<![A-Za-z\\])C ?_ ?\{? ?([2-9]|\d{2,4}) ?\}? ?\^ ?\{? ?(\d{1,4}) ?\}?", r"\\binom{\1}{\2}"),
        ("_", r"\( ?(\w+) ?\)(?= ?_)", r"\1"),
        ("^ _", r"([\^_]) ?(\d(?![\d.])|[A-Za-z](?![A-Za-z]))", r"\1{\2}"),
    )
]  # fmt: skip
"""What a text needs one of to be touched, the pattern, and what takes its place; in this order."""
_DELIMITERS = [(r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`")]
_SPACES = re.compile(r"\s+")
_DOLLAR = re.compile(r"(?<!\\)\$")
WRAPPER = (
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:bf|it|rm|sf|tt)|operatorname|mbox) ?\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
"""A command that sets its argument as words, with the words as its group."""
_WRAPPER = re.compile(WRAPPER)
_LEAD = re.compile(
    r"(?:\\text ?\{ ?)?(?:so,? |thus,? |therefore,? |hence,? )?(?:the )?(?:final |correct )?"
    r"(?:answer|solution|result)(?: to [a-z ]{1,30})?(?: is| ?[:=])+ ?(?:\} ?)?(?=\S)",
    re.IGNORECASE,
)
_IGNORED_SPACE = re.compile(r"(?<![0-9A-Za-z]) | (?![0-9A-Za-z])")


REMEMBERED_CHARS = 200


def clean(text: str) -> str:
    """``text`` without layout; what the numeric and the symbolic stage read."""
    # The responses to one problem repeat each other, and most right ones the ground truth.
    return _clean_short(text) if len(text) <= REMEMBERED_CHARS else _clean(text)


def _clean(text: str) -> str:
    if not text.isascii():
        text = _ascii(text)
    text = text.strip()
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
    for needs, pattern, replacement in _REWRITES:
        for literal in needs:
            if literal in text:
                text = pattern.sub(replacement, text)
                break
    text = _SPACES.sub(" ", text)
    if "\\begin" in text:
        text = unrolled(text.strip())
    text = _LEAD.sub("", text.strip(), count=1) if _LEAD.match(text.strip()) else text
    text = without_condition(_without_end_mark(text), plain)
    for _ in range(3):
        if text.startswith("{") and text.endswith("}") and balanced(text[1:-1]):
            text = text[1:-1].strip()
    return text


_clean_short = lru_cache(maxsize=4096)(_clean)


def _ascii(text: str) -> str:
    text = _SUPERSCRIPT.sub(lambda run: f"^{{{unicodedata.normalize('NFKC', run.group())}}}", text)
    text = _SUBSCRIPT.sub(lambda run: f"_{{{unicodedata.normalize('NFKC', run.group())}}}", text)
    text = _RADICAL.sub(lambda root: rf"\sqrt{'[3]' if root[1] == '∛' else ''}{{{root[2]}}}", text)
    text = _GREEK.sub(_greek_command, text)
    return text.translate(_UNICODE)


def _greek_command(letter: re.Match[str]) -> str:
    *_, size, _, name = unicodedata.name(letter.group()).replace("LAMDA", "LAMBDA").replace("FINAL ", "").split()
    return f" \\{name.capitalize() if size == 'CAPITAL' else name.lower()} "


def _without_end_mark(text: str) -> str:
    text = text.strip()
    if not text.endswith("..."):
        text = text.removesuffix(".")
    return text.rstrip("\\ ").rstrip(",; ")


def key(cleaned: str) -> str:
    r"""Equal keys mean equal answers: white space that LaTeX ignores is gone, ``\text{}`` opened."""
    return _IGNORED_SPACE.sub("", plain(cleaned))


def plain(cleaned: str) -> str:
    r"""``cleaned`` with the words of ``\text{...}``, ``\mathrm{...}`` and their like in the open."""
    return _plain_short(cleaned) if len(cleaned) <= REMEMBERED_CHARS else _plain(cleaned)


def _plain(cleaned: str) -> str:
    if "\\" in cleaned:
        cleaned = _WRAPPER.sub(r" \1 ", _WRAPPER.sub(r" \1 ", cleaned))
    return " ".join(cleaned.split())


_plain_short = lru_cache(maxsize=4096)(_plain)  # every stage asks for it


def balanced(text: str) -> bool:
    r"""Whether the braces of ``text`` (``\{`` aside) close in order."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0
