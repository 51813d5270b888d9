"""When two problem texts are the same problem: what their tokens are, without layout."""

import re
import unicodedata

_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|q?quad)(?![A-Za-z])"
    r"|\\[()\[\],;:! ]|\\begin\{(?:align|equation)\*?\}|\\end\{(?:align|equation)\*?\}|[$~&\"`]|\\\\"
)
_SPELLINGS = ((re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"), (re.compile(r"\{(\w)\}"), r"\1"))
_TOKEN = re.compile(r"\\[a-z]+|\d+(?:\.\d+)?|[^\W\d_]+|[^\s.,;?]")


def tokens(problem: str) -> list[str]:
    """Words, numbers, commands and signs in lower case, without layout, quotes and the signs `. , ; ?`."""
    text = _LAYOUT.sub(" ", unicodedata.normalize("NFKC", problem))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return _TOKEN.findall(text.lower())


def normal_form(problem: str) -> str:
    """The same for problems that differ in layout, case and punctuation alone."""
    return " ".join(tokens(problem)) or problem.strip()
