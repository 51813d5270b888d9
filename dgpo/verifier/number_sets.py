r"""Sets of numbers by their names: ``\mathbb{Z}^+``, ``\mathbb{R}_{\ge 0}``, and their products."""

import re
from itertools import chain

from dgpo.verifier.splitting import plain, split_where
from dgpo.verifier.tokens import Tokens, has

_SIGNS = {"": "", "+": ">", "-": "<", "*": "!=", ">0": ">", "<0": "<", ">=0": ">=", "<=0": "<=", "!=0": "!="}
_WORDS = {"positive": ">", "negative": "<", "nonnegative": ">=", "nonzero": "!=", "": ""}
_SPOKEN = re.compile(
    r"(?:(?:all|every|any|each|the set of) )*(?:(?P<sign>positive|(?:non-?)?negative|non-?zero) )?"
    r"(?P<kind>integer|natural number|(?:real|rational) number|real|rational)s?(?: [a-z])?"
)
_FACTOR = re.compile(r"\(?([ZQRCF])(?:/\(?(\w+?)\)?Z?|_(\w+))?\)?(?:\^(\d))?")
_LETTERS = {"i": "Z", "n": "N", "r": "R"}


def _spoken(tokens: Tokens) -> re.Match[str] | None:
    """The match of ``all positive integers`` or ``integers``; None for the adjective ``real`` and for other words."""
    text = plain(tokens).lower() if len(tokens) < 8 else ""
    return _SPOKEN.fullmatch(text) if " " in text or text.endswith("s") else None


def number_set(tokens: Tokens) -> tuple[str, str] | None:
    r"""The letter and the sign of a set: ``("Z", ">")`` of ``\mathbb{Z}^+`` or ``positive integers``; else None."""
    if tokens and tokens[0].kind == "field":
        letter, script = str(tokens[0].value), "".join(str(token.value) for token in tokens[1:])
        sign = _SIGNS.get(script.translate(dict.fromkeys(map(ord, "^_{}"))))
    elif (words := _spoken(tokens)) is not None:
        letter = "Q" if words["kind"].startswith("ra") else _LETTERS[words["kind"][0]]
        sign = _WORDS[(words["sign"] or "").replace("-", "")]
    else:
        return None
    if sign is None:
        return None
    return ("Z", ">") if letter == "N" and sign in ("", ">", "!=") else (letter, sign)


def group(tokens: Tokens) -> tuple[str, ...] | None:
    r"""``("product", "Z", "Z6")`` of ``\mathbb{Z} \oplus \mathbb{Z}/6\mathbb{Z}``, sorted; None for anything else."""
    if not has(tokens, "field") or number_set(tokens):
        return None
    parts, _ = split_where(tokens, lambda token: token.latex == r"\times " or token.is_("command", "oplus"))
    texts = ("".join(str(token.value) for token in part if token.value not in ("{", "}")) for part in parts)
    factors = [_FACTOR.fullmatch(text) for text in texts]
    if None in factors:
        return None
    names = [[factor[1] + (factor[2] or factor[3] or "")] * int(factor[4] or 1) for factor in factors if factor]
    return ("product", *sorted(chain(*names)))
