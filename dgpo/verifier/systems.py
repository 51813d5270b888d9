r"""Systems of equations: ``\begin{cases} x = 1 \\ y = 2 \end{cases}`` is ``x = 1, y = 2``."""

import re

_SYSTEM = re.compile(
    r"(?:\\\{ ?)?\\begin ?\{(?P<kind>cases|aligned|align\*?|gathered|split|array)\} ?(?:\{[lcr|@ ]*\})?"
    r"(?P<body>.*)\\end ?\{(?P=kind)\}(?: ?\\\})?",
    re.DOTALL,
)
_EQUATION = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)? ?&? ?= ?&?(?!.*\\text)[^=<>&]+", re.DOTALL)


def unrolled(text: str) -> str:
    """The cleaned ``text`` of a system as a list, where each row is the value of a name; any other text unchanged."""
    found = _SYSTEM.fullmatch(text)
    rows = [row.strip(" ,;.") for row in re.split(r"\\\\|\\cr(?![a-z])", found["body"])] if found else []
    rows = [row for row in rows if row]
    if not rows or not all(map(_EQUATION.fullmatch, rows)):
        return text
    return ", ".join(row.replace("&", "") for row in rows)
