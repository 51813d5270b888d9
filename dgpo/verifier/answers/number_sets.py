r"""Sets of numbers by their names: ``\mathbb{Z}^+``, ``\mathbb{R}_{\ge 0}``, and their products."""

import re
from itertools import chain

from dgpo.verifier.text.splitting import plain, split_where
from dgpo.verifier.text.tokens import Tokens, has

_SIGNS = {"": "", "+": ">", "-": "<", "*": "!=", "setminus0": "!="}
_SIGNS |= {f"{sign}0": sign for sign in ("<", ">", "<=", ">=", "!=")}
_WORDS = {"positive": ">", "negative": "<", "nonnegative": ">=", "nonzero": "!=", "": ""}
_SPOKEN = re.compile(
    r"(?:(?:all|every|any|each|the set of) )*(?P<sign>positive|(?:non[ -]?)?negative|non[ -]?zero)? ?"
    r"(?P<kind>integer|whole|natural|real|rational|complex|prime)?s?(?: numbers?)?(?: [a-z])?"
)
_FACTOR = re.compile(r"\(?([ZQRCF])(?:/\(?(\w+?)\)?Z?|_(\w+))?\)?(?:\^(\d))?")
_LETTERS = {"in": "Z", "wh": "Z", "na": "N", "re": "R", "ra": "Q", "co": "C", "pr": "P", "": ""}


def spoken_set(text: str) -> tuple[str, str] | None:
    """As `number_set`, of words: ``("Z", ">")`` of ``positive integer``, ``P`` for primes."""
    words = _SPOKEN.fullmatch(text)
    if words is None:
        return None
    sign = _WORDS[re.sub("[ -]", "", words["sign"] or "")]
    letter = _LETTERS[(words["kind"] or "")[:2]]
    return ("Z", sign or ">") if letter == "N" else (letter, sign)


def number_set(tokens: Tokens) -> tuple[str, str] | None:
    r"""The letter and the sign of a set: ``("Z", ">")`` of ``\mathbb{Z}^+`` or ``positive integers``; else None."""
    if tokens and tokens[0].kind == "field":
        letter, script = str(tokens[0].value), "".join(str(token.value) for token in tokens[1:])
        script = script.translate(dict.fromkeys(map(ord, "^_{}\\")))
        sign = ">=" if letter + script == "N0" else _SIGNS.get(script)
        letter, sign = ("Z", ">" if sign in ("", "!=") else sign) if letter == "N" else (letter, sign)
        return None if sign is None else (letter, sign)
    text = plain(tokens).lower() if len(tokens) < 8 else ""
    words = spoken_set(text) if " " in text or text.endswith("s") else None  # not the adjective `real`
    return words if words and words[0] else None


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
