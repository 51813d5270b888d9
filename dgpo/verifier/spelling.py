"""The words of the lexer's vocabulary: Unicode signs, LaTeX commands and what they stand for."""

import re
import unicodedata


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SIGNS = {
    "\u3000": " ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "\u2013": "-", "\u2044": "/",
    "×": r" \times ", "·": r" \cdot ", "⋅": r" \cdot ", "∙": r" \cdot ", "÷": "/", "≤": r" \le ", "≥": r" \ge ",
    "⩽": r" \le ", "⩾": r" \ge ", "≠": r" \ne ", "∞": r" \infty ", "∪": r" \cup ", "∩": r" \cap ",
    "±": r" \pm ", "∓": r" \mp ", "°": r"^{\circ}", "∈": r" \in ", "∅": r" \emptyset ", "√": r"\sqrt ",
    "∛": r"\sqrt[3] ", "Ω": r"\Omega ",
    "≈": r" \approx ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}", "⟨": "(", "⟩": ")", "。": ". ", "、": ", ", "“": '"', "”": '"', "’": "'", "…": "...",
    "或": " or ", "且": " and ", "和": " and ",
}  # fmt: skip
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_RADICAL = re.compile(r"([√∛]) ?(\d+(?:\.\d+)?|[A-Za-z])")
_GREEK_LETTER = re.compile("[α-ωΓΔΘΛΞΠΣΦΨΩ]")
_CIRCLED = re.compile("[①-⑳]")


def _unicode_table() -> dict[int, str]:
    full_width = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    vulgar = {}
    for code in (0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F)):
        top, _, bottom = unicodedata.normalize("NFKC", chr(code)).partition("\u2044")
        if bottom:
            vulgar[code] = rf"\frac{{{top}}}{{{bottom}}}"
    return full_width | vulgar | str.maketrans(_SIGNS)


_UNICODE = _unicode_table()


def in_ascii(text: str) -> str:
    """``text`` with the signs of Unicode as LaTeX; what has no LaTeX stays."""
    text = _SUPERSCRIPT.sub(
        lambda run: f"^{{{unicodedata.normalize('NFKC', run.group())}}}".replace("\u2212", "-"), text
    )
    text = _SUBSCRIPT.sub(lambda run: f"_{{{unicodedata.normalize('NFKC', run.group())}}}", text)
    text = _RADICAL.sub(lambda root: rf"\sqrt{'[3]' if root[1] == '∛' else ''}{{{root[2]}}}", text)
    text = _CIRCLED.sub(lambda digit: rf"\textcircled{{{unicodedata.normalize('NFKC', digit.group())}}}", text)
    text = _GREEK_LETTER.sub(_greek_command, text)
    return text.translate(_UNICODE)


def _greek_command(letter: re.Match[str]) -> str:
    *_, size, _, name = unicodedata.name(letter.group()).replace("LAMDA", "LAMBDA").replace("FINAL ", "").split()
    return f" \\{name.capitalize() if size == 'CAPITAL' else name.lower()} "


GREEK = vocabulary(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon"
    " phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega hbar ell pi"
)
FUNCTIONS = vocabulary(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh exp ln log lg max min gcd lcm det sup inf lim deg"
    " tg ctg arctg cis"
)
FRACTIONS = {name: "frac" for name in ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac")}
FRACTIONS |= {name: "binom" for name in ("binom", "dbinom", "tbinom")}
WORDED = vocabulary(
    "text textbf textit textrm textsf texttt textnormal mbox hbox mathrm operatorname mathbf boldsymbol bm mathit"
    " mathsf mathtt mathcal mathscr rm"
)
ACCENTS = vocabulary("vec overrightarrow overline bar hat widehat tilde dot ddot")
LAYOUT = vocabulary(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm middle displaystyle textstyle"
    " scriptstyle limits nolimits quad qquad bf it sf tt bfseries centering boxed fbox underline mathstrut thinspace"
    " medspace thickspace space tiny small normalsize large Large LARGE huge Huge"
)
DROPPED = vocabulary("phantom hphantom vphantom label tag vspace hspace color textcolor")
"""Layout commands that take an argument away with them."""
OPENING = {"langle": "(", "lbrace": r"\{", "lfloor": "floor", "lceil": "ceil", "lparen": "(", "lbrack": "["}
CLOSING = {"rangle": ")", "rbrace": r"\}", "rfloor": "floor", "rceil": "ceil", "rparen": ")", "rbrack": "]"}
SIGNS = {
    "times": ("sign", "*", r"\times "), "cdot": ("sign", "*", r"\cdot "), "ast": ("sign", "*", r"\cdot "),
    "div": ("sign", "/", "/"), "over": ("command", "over", r"\over "), "choose": ("command", "choose", r"\choose "),
    "pm": ("sign", "pm", r"\pm "), "mp": ("sign", "mp", r"\mp "), "cup": ("sign", "cup", r"\cup "),
    "cap": ("sign", "cap", r"\cap "), "setminus": ("sign", "setminus", r"\setminus "),
    "backslash": ("sign", "setminus", r"\setminus "),
    "le": ("relation", "<=", ""), "leq": ("relation", "<=", ""), "leqslant": ("relation", "<=", ""),
    "leqq": ("relation", "<=", ""), "ge": ("relation", ">=", ""), "geq": ("relation", ">=", ""),
    "geqslant": ("relation", ">=", ""), "geqq": ("relation", ">=", ""), "ne": ("relation", "!=", ""),
    "neq": ("relation", "!=", ""), "lt": ("relation", "<", ""), "gt": ("relation", ">", ""),
    "in": ("relation", "in", ""), "approx": ("relation", "~", ""), "simeq": ("relation", "~", ""),
    "equiv": ("relation", "equiv", ""), "lor": ("join", "or", r"\lor "), "vee": ("join", "or", r"\lor "),
    "land": ("join", "and", r"\land "), "wedge": ("join", "and", r"\land "), "colon": ("sign", ":", ":"),
    "ldots": ("dots", "...", r"\ldots "), "dots": ("dots", "...", r"\ldots "), "cdots": ("dots", "...", r"\ldots "),
    "dotsc": ("dots", "...", r"\ldots "), "dotsb": ("dots", "...", r"\ldots "), "prime": ("sign", "'", "'"),
    "infty": ("infinity", "infinity", r"\infty "), "circ": ("degree", "degree", r"^{\circ}"),
    "degree": ("degree", "degree", r"^{\circ}"), "degrees": ("degree", "degree", r"^{\circ}"),
    "emptyset": ("empty", "empty", r"\emptyset "), "varnothing": ("empty", "empty", r"\emptyset "),
    "O": ("empty", "empty", r"\emptyset "), "bmod": ("command", "mod", r"\bmod "),
    "pmod": ("command", "pmod", r"\pmod "),
    "forall": ("word", "for", r"\forall "), "infin": ("infinity", "infinity", r"\infty "),
    "degreecelsius": ("degree", "degree", r"^{\circ}"),
}  # fmt: skip
"""Kind and value of a token, and what math-verify reads for it (a relation's is the lexer's)."""
