r"""Sets of numbers by their names: ``\mathbb{Z}^+``, ``\mathbb{R}_{\ge 0}``, ``all positive integers``."""

import re

from dgpo.verifier.splitting import plain
from dgpo.verifier.tokens import Tokens

_SIGNS = {"": "", "+": ">", "-": "<", "*": "!=", ">0": ">", "<0": "<", ">=0": ">=", "<=0": "<=", "!=0": "!="}
_WORDS = {"positive": ">", "negative": "<", "nonnegative": ">=", "nonzero": "!=", "": ""}
_SPOKEN = re.compile(
    r"(?:(?:all|every|any|each|the set of) )*(?:(?P<sign>positive|(?:non-?)?negative|non-?zero) )?"
    r"(?P<kind>integer|natural number|(?:real|rational) number|real|rational)s?(?: [a-z])?"
)
_LETTERS = {"i": "Z", "n": "N", "r": "R"}


def _spoken(tokens: Tokens) -> re.Match[str] | None:
    """Words for a set of numbers; one word alone may be an adjective (``real``)."""
    text = plain(tokens).lower() if len(tokens) < 8 else ""
    return _SPOKEN.fullmatch(text) if " " in text or text.endswith("s") else None


def number_set(tokens: Tokens) -> tuple[str, str] | None:
    """The letter of the set that ``tokens`` name, and how its numbers compare with 0 ('' for all); None for others."""
    if tokens and tokens[0].kind == "field":
        letter, script = str(tokens[0].value), "".join(str(token.value) for token in tokens[1:])
        sign = _SIGNS.get(script.translate(dict.fromkeys(map(ord, "^_{}"))))
    elif (found := _spoken(tokens)) is not None:
        letter = "Q" if found["kind"].startswith("ra") else _LETTERS[found["kind"][0]]
        sign = _WORDS[(found["sign"] or "").replace("-", "")]
    else:
        return None
    if sign is None:
        return None
    return ("Z", ">") if letter == "N" and sign in ("", ">", "!=") else (letter, sign)
