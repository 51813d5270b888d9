"""When two problem texts are the same problem: what their tokens are, without layout."""

import re
import unicodedata
from itertools import groupby

_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|q?quad)(?![A-Za-z])"
    r"|\\[()\[\],;:! ]|\\begin\{(?:align|equation)\*?\}|\\end\{(?:align|equation)\*?\}|[$~&\"`]|\\\\"
)
_SPELLINGS = ((re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"), (re.compile(r"\{(\w)\}"), r"\1"))
_TOKEN = re.compile(r"\\[a-z]+|\d+(?:\.\d+)?|\.\d+|[^\W\d_]+|[^\s.,;?]")
_RAISED = {"<super>": "^{%s}", "<sub>": "_{%s}", "<fraction>": " %s"}
"""How a run of characters of one kind is written so that NFKC, which makes ² a 2, does not join it to its neighbour."""


def tokens(problem: str) -> list[str]:
    """Words, numbers, commands and signs in lower case, without layout, quotes and the signs `. , ; ?`."""
    text = _LAYOUT.sub(" ", unicodedata.normalize("NFKC", _with_scripts(problem)))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return _TOKEN.findall(text.lower())


def normal_form(problem: str) -> str:
    """The same for problems that differ in layout, case and punctuation alone."""
    return " ".join(tokens(problem)) or problem.strip()


def _with_scripts(text: str) -> str:
    """`x²` as `x^{2}`, `x₁₂` as `x_{12}`, `2½` as `2 ½`."""
    if text.isascii():
        return text
    runs = groupby(text, key=lambda each: unicodedata.decomposition(each).partition(" ")[0])
    return "".join(_RAISED.get(kind, "%s") % "".join(run) for kind, run in runs)
