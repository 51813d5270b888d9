"""The vocabulary of the lexer: Unicode signs, LaTeX commands and words, with what they stand for."""

import re
import unicodedata

from dgpo.verifier.text.tokens import Kind, Unreadable, vocabulary

_SIGNS = {
    **dict.fromkeys("\u3000\u00a0\u2009\u202f\u200b\ufeff【】", " "), "\u2212": "-", "\u2013": "-", "\u2044": "/",
    "÷": "/", **dict.fromkeys("°º˚", r"^{\circ}"), "√": r"\sqrt ", "∛": r"\sqrt[3] ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℕ": r"\mathbb{N}", "ℂ": r"\mathbb{C}",
    "⟨": "(", "⟩": ")", "。": ". ", "、": ", ", "“": '"', "”": '"', "’": "'", "…": "...", "⋯": "...", "∶": ":",
    "或": " or ", "且": " and ", "和": " and ", "Å": r"\AA ", "℃": r"^{\circ}C", "′": "'", "″": "''", "∣": "|",
}  # fmt: skip
_COMMANDS_OF_SIGNS = (
    "× times · cdot ⋅ cdot ∙ cdot ≤ le ≥ ge ⩽ le ⩾ ge ≠ ne ≈ approx ∼ sim ≅ cong ≡ equiv ± pm ∓ mp ∞ infty Ω Omega"
    " ∪ cup ∩ cap ∈ in ∉ notin ∅ emptyset ∖ setminus ⊂ subset ⊆ subseteq ⊃ supset ⊇ supseteq → to ⟶ to ⇒ implies"
    " ⟹ implies ⇔ iff ↔ iff ↦ mapsto ¬ neg ∧ land ∨ lor ∀ forall ∃ exists ∑ sum ∏ prod ∫ int ∂ partial ∇ nabla"
    " ⌊ lfloor ⌋ rfloor ⌈ lceil ⌉ rceil ∠ angle △ triangle ∥ parallel ⊥ perp ∴ therefore ℓ ell"
)
_SIGNS |= {sign: f" \\{name} " for sign, name in re.findall(r"(\S) (\w+)", _COMMANDS_OF_SIGNS)}
_SMALL = re.compile("(?P<above>[⁰¹²³⁴-⁾ⁱⁿʰ-ʸˡ-ˣᴬ-ᵡᶜᶠᶻ]+)|(?P<below>[₀-₎ₐ-ₜᵢ-ᵥⱼ]+)|(?P<circled>[①-⑳])")
_SMALL_AS = {"above": "^{%s}", "below": "_{%s}", "circled": r"\textcircled{%s}"}
_RADICAL = re.compile(r"([√∛]) ?(\d+(?:\.\d+)?|[A-Za-z])")
_GREEK_LETTER = re.compile("[α-ωΓΔΘΛΞΠΣΦΨΩ]")
_LATIN = (*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D6A4), *range(0x1D7CE, 0x1D800))  # full width, mathematical
_VULGAR = {
    code: rf"\frac{{{unicodedata.normalize('NFKC', chr(code))}}}".replace("\u2044", "}{")
    for code in (0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F))
}
_UNICODE = {code: unicodedata.normalize("NFKC", chr(code)) for code in _LATIN} | _VULGAR | str.maketrans(_SIGNS)
_EATEN = re.compile(
    "[\a\b\f\v](?=[A-Za-z])"
    "|\t(?=(?:ext(?:bf|it|rm|sf|tt)?|imes|heta|d?frac|binom|au|anh?|ilde|riangle|herefore)(?![A-Za-z]))"
    "|\r(?=(?:ight|ho|angle|floor|ceil)(?![a-z]))|\n(?=(?:eq|abla|otin)(?![A-Za-z]))"
)
_EATEN_LETTERS = {ord(eaten): rf"\{letter}" for eaten, letter in zip("\a\b\f\v\t\r\n", "abfvtrn", strict=True)}


def _in_ascii(text: str) -> str:
    r"""``text`` with the signs of Unicode as LaTeX; what has no LaTeX stays. A form feed and ``rac`` are ``\frac``, and
    the like: an escape was read in what was LaTeX."""
    text = _EATEN.sub(lambda eaten: eaten.group().translate(_EATEN_LETTERS), text)
    if text.isascii():
        return text
    text = _SMALL.sub(_small_digits, text)
    text = _RADICAL.sub(lambda root: rf"\sqrt{'[3]' if root[1] == '∛' else ''}{{{root[2]}}}", text)
    text = _GREEK_LETTER.sub(_greek_command, text)
    return text.translate(_UNICODE)


def _small_digits(digits: re.Match[str]) -> str:
    return _SMALL_AS[str(digits.lastgroup)] % unicodedata.normalize("NFKC", digits.group()).replace("\u2212", "-")


def _greek_command(letter: re.Match[str]) -> str:
    *_, size, _, name = unicodedata.name(letter.group()).replace("LAMDA", "LAMBDA").replace("FINAL ", "").split()
    return f" \\{name.capitalize() if size == 'CAPITAL' else name.lower()} "


_REWRITTEN = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\{:\}", ":"),
        (r"\+ ?(?:\\(?:text|mathrm|textrm) ?\{ ?)?const(?:ant)?\b\.?(?: ?\})?", "+ C"),
        (r"(?<=[01])([ \\a-z{(]{1,12})binary(?=[ )}.$]*\Z)", r"\1base 2"),
        (r"\A(?:\\text ?\{ ?)?(?=(?:noon|midnight)\b)", r"\g<0>12 "),
        (r"(?:负|минус )(?=[\d\\$(])", "-"),
        (r"(?<![A-Za-z_^}])\{\s*\}(?=\s*[_^])|[_^]\{\s*\}", ""),  # 25{ }^{\circ}, {}_{10}C_3, 17^{}
        (r"<\|[^|<>]{1,40}\|>", " "),  # a tag of a chat
        (r"_(?![i-n]{2})([A-Za-z])(?=[A-Za-z](?![A-Za-z]))", r"_{\1}"),  # v_xt is v_x t, a_ij is meant as one
        # **5**, x = **5**, **Answer:** 5
        (r"(\A\s*|=) ?\*\*([^*]{1,200})\*\*(?=\.?\s*\Z|(?<=[a-z:.]\*\*)[:.]? )", r"\1 \2"),
        (r"(?<=\d) ?\^ ?(?:\{ ?)?(?:\\(?:text|mathrm|textrm) ?\{ ?)?(st|nd|rd|th) ?\}{0,2}", r"\1"),  # 5^{th}
        (r"(?<=\d)(?: ?\\text ?\{)? ?out of (?:\} ?)?(?=\d)", "/"),  # 3 out of 4
        (r"\b(?:other than|excluding)\b", "except"),
        (r"(充分|必要)[而但]?[不非](?=充分|必要)", r"\1不"),
        ("充分必要(?=条件)", "充要"),
        ("(?<=[要分])条件", ""),
        (r"\bi\. ?e\.,? ?(?=[^ ])", "or "),
        (r"(\$ ?[\d.,]*\d) ?M(?![A-Za-z])", r"\1 million"),  # $1M
        (r"(?<=[)\]]) ?U ?(?=[(\[])", r"\\cup "),  # (0, 1) U (2, 3)
        (r"(?<![\w\\^}.])(\d+|[a-z])(?: ?C ?| choose )(\d+|[a-z])(?![\w(^.])", r"\\binom{\1}{\2}"),  # 5C2
        (r"(\^(?:\w|\{[^{}]{1,20}\}))(_(?:\w|\{[^{}]{1,20}\}))", r"\2\1"),  # x^2_0
        (r"(?<=log)(?:2|10)(?=\()", r"_{\g<0>}"),  # log10(x)
        # x1 and H2SO4, but not 1e5, Rs5 or the digits of B2_{16}
        (
            r"(?=[A-Za-z(])(?<![A-Za-z\\_^])(?<!frac )(?<!sqrt )(?<!binom )(?!Rs|US|INR|EUR|(?<=\d)E\d)"
            r"(?:(?<!\d)[a-z]\d{1,2}(?! ?\^)|(?:[A-Z][a-z]?\d{0,2}|\((?:[A-Z][a-z]?\d{0,2}){1,9}\)\d){1,20})"
            r"(?![A-Za-z\d]|\.\d|[)}]? ?(?:_|\(?(?:in )?base))",
            lambda name: re.sub(r"\d+", r"_{\g<0>}", name.group()),
        ),
        # \\frac, escaped twice
        (r"(?<!\\)\\\\(?=([A-Za-z]{2,}))", lambda slashes: slashes.group()[slashes[1] in KNOWN :]),
    )
]


def in_one_notation(text: str) -> str:
    r"""``text`` in ASCII, and without the habits of `_REWRITTEN`."""
    text = _in_ascii(text)
    for pattern, replacement in _REWRITTEN:
        text = pattern.sub(replacement, text)
    return text


_ARGUMENT = re.compile(r"\\[A-Za-z]+|\\?.", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def argument(text: str, at: int) -> tuple[str, int]:
    """The group or the symbol that follows index ``at``, and the index behind it."""
    while text[at : at + 1].isspace():
        at += 1
    if text[at : at + 1] != "{":
        found = _ARGUMENT.match(text, at)
        return (found.group(), found.end()) if found and found.group() not in "}" else ("", at)
    depth = 0
    for brace in _BRACE.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[at + 1 : brace.start()], brace.end()
    raise Unreadable("a brace does not close")


GREEK = vocabulary(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon"
    " phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega hbar ell pi"
)
FUNCTIONS = vocabulary(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc"
    " sinh cosh tanh sech csch coth arcsinh arccosh arctanh arcsech arccsch arccoth exp ln log lg max min gcd lcm det"
    " sup inf lim deg cis arg"
)
TRIGONOMETRIC = vocabulary("sin cos tan cot sec csc cis")
OF_SEVERAL = vocabulary("max min gcd lcm")
CALLED = OF_SEVERAL | vocabulary("floor ceil abs")
"""Functions that are words where no bracket follows."""
WITHOUT_VALUE = vocabulary("det sup inf lim deg arg")
"""Functions that nothing evaluates, and that are words without a backslash."""
WITH_ARGUMENTS = {name: ("frac", 2) for name in ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac")}
WITH_ARGUMENTS |= {name: ("binom", 2) for name in ("binom", "dbinom", "tbinom")} | {"sqrt": ("sqrt", 1)}
WORDED = vocabulary(
    "text textbf textit textrm textsf texttt textnormal mbox hbox mathrm operatorname mathbf boldsymbol bm mathit"
    " mathsf mathtt mathcal mathscr rm ce"
)
ACCENTS = {name: name for name in ("vec", "overline", "hat", "tilde", "dot", "ddot")}
ACCENTS |= {"overrightarrow": "vec", "bar": "overline", "widehat": "hat"}
LAYOUT = vocabulary(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm middle displaystyle textstyle"
    " scriptstyle limits nolimits quad qquad bf it sf tt bfseries centering boxed fbox underline mathstrut thinspace"
    " medspace thickspace space tiny small normalsize large Large LARGE huge Huge"
)
DROPPED = vocabulary("phantom hphantom vphantom overset underset stackrel label tag vspace hspace color textcolor")
"""Layout commands whose argument is left out too."""
WITH_TEXT = WORDED | DROPPED | {*ACCENTS, "textcircled", "mathbb", "mathds"}
"""Commands of one argument."""


def _notations(function: str) -> str:
    """The names of a function: ``arctan``, ``atan`` and ``arctg``; ``arsinh``; ``cosec``."""
    short = f"{function.replace('arc', 'a')} {function.replace('arc', 'ar')}"
    return f"{function} {short} {function.replace('tan', 'tg').replace('cot', 'ctg').replace('csc', 'cosec')}"


_COMMANDS: tuple[tuple[Kind, str, str, str], ...] = (
    ("sign", "*", r"\times ", "times"), ("sign", "*", r"\cdot ", "cdot ast"), ("sign", "/", "/", "div"),
    ("sign", "pm", r"\pm ", "pm"), ("sign", "mp", r"\mp ", "mp"), ("sign", ":", ":", "colon"),
    ("sign", "'", "'", "prime"), ("sign", "cup", r"\cup ", "cup bigcup"), ("sign", "cap", r"\cap ", "cap bigcap"),
    ("sign", "setminus", r"\setminus ", "setminus backslash"),
    ("bar", "|", "|", "vert lvert rvert mid lVert rVert Vert"), ("word", "for", r"\forall ", "forall"),
    ("command", "over", r"\over ", "over"), ("command", "choose", r"\choose ", "choose"),
    ("name", "P", "P", "Pr"), ("command", "neg", r"\neg ", "neg lnot"),
    ("command", "to", r"\to ", "to rightarrow longrightarrow"),
    ("command", "implies", r"\implies ", "implies Rightarrow Longrightarrow"),
    ("command", "iff", r"\iff ", "iff Leftrightarrow leftrightarrow"), ("name", "T", "T", "top intercal"),
    ("command", "mod", r"\bmod ", "bmod"), ("command", "pmod", r"\pmod ", "pmod"),
    ("relation", "<=", "", "le leq leqslant leqq"), ("relation", ">=", "", "ge geq geqslant geqq"),
    ("relation", "!=", "", "ne neq"), ("relation", "<", "", "lt"), ("relation", ">", "", "gt"),
    ("relation", "in", "", "in"), ("relation", "~", "", "approx simeq sim"), ("relation", "equiv", "", "equiv"),
    ("relation", "not in", "", "notin"),
    ("join", "or", r"\lor ", "lor vee"), ("join", "and", r"\land ", "land wedge"),
    ("dots", "...", r"\ldots ", "ldots dots cdots dotsc dotsb"), ("infinity", "infinity", r"\infty ", "infty infin"),
    ("degree", "degree", r"^{\circ}", "circ degree degrees degreecelsius"),
    ("money", "$", "", "textdollar"), ("money", "£", "", "pounds textsterling"), ("money", "€", "", "euro texteuro"),
    ("empty", "empty", r"\emptyset ", "emptyset varnothing O"),
    ("open", "(", "(", "langle lparen"), ("open", "[", "[", "lbrack"), ("open", r"\{", r"\{", "lbrace"),
    ("open", "floor", r"\lfloor ", "lfloor"), ("open", "ceil", r"\lceil ", "lceil"),
    ("close", ")", ")", "rangle rparen"), ("close", "]", "]", "rbrack"), ("close", r"\}", r"\}", "rbrace"),
    ("close", "floor", r"\rfloor ", "rfloor"), ("close", "ceil", r"\rceil ", "rceil"),
    *(("function", name, f"\\{name} ", _notations(name)) for name in FUNCTIONS),
)  # fmt: skip
COMMANDS: dict[str, tuple[Kind, str, str]] = {
    name: (kind, value, latex) for kind, value, latex, names in _COMMANDS for name in names.split()
}
"""Kind and value of a token, and its LaTeX (a relation's is the lexer's)."""
KNOWN = {*COMMANDS, *WITH_ARGUMENTS, "begin", "end"} | GREEK | LAYOUT | WITH_TEXT  # no row ends before these
BOLD: dict[str, tuple[Kind, str, str]] = {
    **{axis: ("name", f"unit {axis}", axis) for axis in "ijk"},
    **{field: ("field", field, rf"\mathbb{{{field}}}") for field in "RZNQC"},
    **{letter: ("name", f"bold {letter}", letter) for letter in "abcdmnpqruvwxyz"},
    "0": ("name", "vec 0", r"\vec{0}"),
}
"""What a bold symbol is: a unit vector, a set of numbers, a letter that may be a vector, the null vector."""
CHARACTERS: dict[str, tuple[Kind, str, str]] = {
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
_JOINTS = {"or": "or either", "and": "and", "maybe": "maybe perhaps possibly"}
WORDS: dict[str, tuple[Kind, str, str]] = {
    **{word: ("join", joint, rf"\text{{ {word} }}") for joint, words in _JOINTS.items() for word in words.split()},
    **{word: ("infinity", "infinity", r"\infty ") for word in ("infinity", "inf", "oo")},
    **{word: ("relation", "~", r"\approx ") for word in ("approximately", "approx", "roughly")},
    "except": ("sign", "setminus", r"\setminus "),
}
"""Words that are tokens of a kind of their own, also in ``\\text{}``."""
PLAIN: dict[str, tuple[Kind, str, str]] = {
    **{name: COMMANDS[name] for name in FUNCTIONS - WITHOUT_VALUE | vocabulary("infty asin acos atan cosec cosech")},
    **{name: ("name", name, f"\\{name} ") for name in GREEK},
    "sqrt": ("command", "sqrt", r"\sqrt"),
    **{name: ("function", name, rf"\operatorname{{{name}}} ") for name in CALLED - OF_SEVERAL},
}
"""Commands that need no backslash outside ``\\text{}``."""
