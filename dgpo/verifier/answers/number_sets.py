r"""Sets of numbers by their names: ``\mathbb{Z}^+``, ``\mathbb{R}_{\ge 0}`` and their products; ``all odd n``,
``n is not divisible by 3``, ``3 \mid n``, ``n = 2k + 1``, ``2, 4, 6, \ldots``."""

import math
import re
from itertools import chain
from typing import NamedTuple

from dgpo.verifier.answers.regions import of_numbers
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.tree import Region
from dgpo.verifier.text.numerals import read_words
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


def spoken_set(text: str) -> Region | None:
    """As `number_set`, of words: ``positive integer``; all numbers of no kind for no words."""
    words = _SPOKEN.fullmatch(text)
    if words is None:
        return None
    return of_numbers(_LETTERS[(words["kind"] or "")[:2]], _WORDS[re.sub("[ -]", "", words["sign"] or "")])


def number_set(tokens: Tokens) -> Region | None:
    r"""The numbers of ``\mathbb{Z}^+`` or ``positive integers``; None for anything else."""
    if tokens and tokens[0].kind == "field":
        letter, script = str(tokens[0].value), "".join(str(token.value) for token in tokens[1:])
        script = script.translate(dict.fromkeys(map(ord, "^_{}\\")))
        sign = ">=" if letter + script == "N0" else _SIGNS.get(script)
        return None if sign is None else of_numbers(letter, sign)
    text = plain(tokens).lower() if len(tokens) < 8 else ""
    words = spoken_set(text) if " " in text or text.endswith("s") else None  # not the adjective `real`
    return words if words and words.kind else None


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


MAX_MODULUS = 10_000
MAX_POWER = 99
_MODULI = {"even": ("2", "0"), "odd": ("2", "1")}
_MODULUS_AND_REST = (("multiple", ""), ("divisor", ""), ("modulus", "rests"), ("factor", "shift"))
_NUMBER = re.compile(r"(?:(?<=[sr] of )|(?<=le by ))[a-z]+")  # powers of two, divisible by three
_APART = re.compile(r"(?<![a-z])([a-z]) ?(in|(?:not )?equiv) ?(?=[^a-z ])")
_LISTED = re.compile(r"(?:[a-z] ?= ?)?(\d{1,9}(?:, ?\d{1,9}){2,}),? ?\.{2,3}")
_CLAIM = re.compile(
    r"(?P<sign>positive|nonnegative|natural|in (?:Z_\{>= ?0\}|N_\{?0\}?|N\b))"
    r"|(?P<not>not )?(?:an? )?(?:(?P<kind>odd prime|odd|even|prime|composite|(?:perfect )?square)s?(?![a-z])"
    r"|powers? of (?P<power>\d+)|(?:divisible by|multiples? of) (?P<multiple>\d+)"
    r"|(?:equiv|congruent to) ?(?P<rests>(?:\\pm )?\d+|\d+(?:(?:, ?| or )\d+)*) ?\(?\\?(?:[bp]?mod|modulo)"
    r" \{? ?(?P<modulus>\d+)\}?\)?)"
    r"|(?P<divisor>\d+) ?(?:\||(?P<nmid>\\nmid)) ?(?=[a-z]\b)"
    r"|(?:(?P<bounded>[a-z]) ?)?(?:(?P<above>>|(?:greater|larger) than)|(?P<least>>=|at least)) ?(?P<low>\d{1,9})"
    # n = 2k + 1, 2^k
    r"|(?:(?P<name>[a-z]) ?= ?)?(?:(?P<factor>\d+) ?(?P<count>[a-w])(?![a-z])(?: ?\+? ?(?P<shift>-?\d+))?"
    r"|(?P<base>\d+)\^\{?(?P<exponent>[a-w])\}?)"
    r"|(?:all|every|any|some(?= integer| [a-z]\b)|an?|the|is|are|(?:must|can) be|that|which|such|with|where|for|and|if"
    r"|iff|only|whole|numbers?|integers?|in Z)\b"
    r"|(?P<letter>[a-z])\b|[ ,;:|()]"
)
"""What one part of the description of a set says, or what says nothing."""


class WholeNumbers(NamedTuple):
    """Those from `low` on (None where that is not said) whose remainder by `modulus` is one of `rests`, of a `kind`
    (prime, square)."""

    modulus: int
    rests: frozenset[int]
    kind: str
    low: float | None
    letter: str

    def firsts(self) -> set[float]:
        """The least of them that may be meant, whatever their kind: that they are positive need not be said."""
        lows = (-math.inf, 0, 1) if self.low is None else (self.low,)
        steps = [0] if self.kind else range(self.modulus)
        numbers = (
            next((low + step for step in steps if (low + step) % self.modulus in self.rests), low) for low in lows
        )
        return {*numbers}


def whole_numbers(text: str, *, is_answer: bool) -> WholeNumbers | None:
    """The set that a plain text names; None for anything else. A formula alone names one in an answer: ``y = 2x + 1``
    as a ground truth may be a line."""
    text = re.sub(r"\s+", " ", text[:1].lower() + text[1:]).replace("non-", "non").removesuffix(".")
    text = _NUMBER.sub(lambda word: str(read_words(word.group()) or word.group()), _APART.sub(r"\1 \2 ", text))
    is_set = text.startswith(r"\{") and text.endswith(r"\}")
    text = text[2:-2].strip() if is_set else text
    if _LISTED.fullmatch(text):
        return _from(*map(int, re.findall(r"\d+", text)))
    said = _claims(text)
    name, bounded, letters = said.get("name", ""), said.get("bounded", ""), {*said.get("letter", "")}
    count = said.get("count") or said.get("exponent") or ""
    has_count = bool(count) and (count in letters or bounded == count in COUNTERS)
    is_named = bool(name) or (is_set and text[:1].isdigit())  # n = 2k, {2k : k in Z}
    if (count and (name == count or not (is_answer or has_count))) or ("factor" in said and not is_named):
        return None
    named = {name, count} - {""} if count else letters
    if not letters <= named or len(letters) > 1 + bool(count) or (bounded and named and bounded not in named):
        return None
    kind = said.get("kind", "").removeprefix("perfect ")
    kind = f"power of {said.get('power') or said['base']}" if {"power", "base"} & said.keys() else kind
    moduli = [(said[key], said.get(rest, "0")) for key, rest in _MODULUS_AND_REST if key in said]
    if kind in _MODULI:
        kind, moduli = "", [*moduli, _MODULI[kind]]
    is_negated = not {"not", "nmid"}.isdisjoint(said)
    has_two = len(moduli) > 1 or ("kind" in said and (has_count or "base" in said))  # 3^k for even k
    if has_two or not (kind or moduli) or (kind and is_negated):
        return None
    modulus, written = moduli[0] if moduli else ("1", "0")
    base = int(modulus[:6])
    if not 0 < base <= MAX_MODULUS:
        return None
    rests = [int(rest[:6]) for rest in re.findall(r"-?\d+", written)]
    remainders = {rest % base for rest in (*rests, *(-rest for rest in rests if "pm" in written))}
    remainders = {*range(base)} - remainders if is_negated else remainders
    low = -math.inf if has_count else None
    if "sign" in said:
        low = int(said["sign"] in ("positive", "natural", "in N"))
    if "low" in said:
        low = int(said["low"]) + ("above" in said)
    if low is not None and low > -math.inf and has_count and bounded in ("", count):
        low = int(said["base"][:6]) ** min(low, MAX_POWER) if "base" in said else base * low + rests[0]
    letter = next((one for one in (name, *letters, bounded) if one not in ("", count)), "")
    return WholeNumbers(base, frozenset(remainders), kind, low, letter)


def _from(first: int, second: int, *others: int) -> WholeNumbers | None:
    """The numbers of a list that goes on, from the ``first`` in equal steps."""
    step = second - first
    is_one = 1 < step <= MAX_MODULUS and all(other == first + step * place for place, other in enumerate(others, 2))
    return WholeNumbers(step, frozenset((first % step,)), "", first, "") if is_one else None


def _claims(text: str) -> dict[str, str]:
    """What the parts of ``text`` say, and all lone letters as one; nothing where two differ, or one is of no set."""
    said: dict[str, str] = {}
    at = 0
    while at < len(text):
        part = _CLAIM.match(text, at)
        claims = {name: claim for name, claim in part.groupdict().items() if claim} if part else {}
        if "letter" in claims:
            claims["letter"] = said.pop("letter", "") + claims["letter"]
        if part is None or any(said.get(name, claim) != claim for name, claim in claims.items()):
            return {}
        said |= claims
        at = part.end()
    return said


def same_numbers(gold: WholeNumbers, answer: WholeNumbers) -> bool:
    """Whether two sets are the same; one may leave out that they are positive, or the letter."""
    base = math.lcm(gold.modulus, answer.modulus)
    is_other = gold.letter and answer.letter and gold.letter != answer.letter
    if is_other or gold.kind != answer.kind or base > MAX_MODULUS or gold.firsts().isdisjoint(answer.firsts()):
        return False
    wanted, given = ({rest for rest in range(base) if rest % side.modulus in side.rests} for side in (gold, answer))
    return wanted == given
