r"""LaTeX for mathematics as a program would take it: ``2*sqrt(3)*x**2``, ``sin(pi*x)``."""

import re

_NAME = re.compile(
    r"(?<![A-Za-z\\])(?:sqrt|sinh|cosh|tanh|arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log|exp"
    r"|pi|infty|alpha|beta|gamma|theta|lambda)(?![A-Za-z])"
)
_FACTORIAL_POWER = re.compile(r"([A-Za-z0-9]+|\([^()]*\)) ?!(?= ?\^)")
_ROOT_POWER = re.compile(r"(\\sqrt ?(?:\[[^\[\]]*\])? ?\{[^{}]*\})(?= ?\^)")
_ANGLE = re.compile(
    r"(\\(?:sin|cos|tan|cot|sec|csc)(?: ?\^ ?\{\d\})? ?[({]? ?)(\d+(?:\.\d+)?|\\frac ?\{\d+\} ?\{\d+\})\^\{\\circ\}"
)
_TAKES_GROUP = re.compile(r"(?:\\sqrt|\^) ?\(")


def to_latex(text: str) -> str:
    r"""``text`` with ``**``, ``*``, bare function names, ``sqrt(...)`` and ``^(...)`` rewritten.

    So is what math-verify's grammar does not read: ``n!^2``, ``\\sqrt{2}^3``, degrees in a trigonometric function.
    Other LaTeX comes out as it went in, up to spaces.
    """
    text = _NAME.sub(lambda name: f"\\{name.group()} ", text.replace("**", "^"))
    text = re.sub(r"\\(sqrt|log|ln|exp|sin|cos|tan) +(?=[({\[])", r"\\\1", text)
    text = text.replace("*", r" \cdot ")
    text = _FACTORIAL_POWER.sub(r"(\1!)", text)
    text = _ROOT_POWER.sub(r"(\1)", text)
    text = _ANGLE.sub(r"\1\\frac{\2 \\pi}{180}", text)
    found = _TAKES_GROUP.search(text)
    while found:
        start = found.end() - 1
        end = _closing(text, start)
        if end is None:
            return text
        text = f"{text[:start].rstrip()}{{{text[start + 1 : end]}}}{text[end + 1 :]}"
        found = _TAKES_GROUP.search(text, start)
    return text


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
    return None
