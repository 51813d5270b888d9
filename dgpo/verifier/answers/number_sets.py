r"""Sets of numbers by their names: ``\mathbb{Z}^+``, ``\mathbb{R}_{\ge 0}`` and their products; ``all odd n``,
``n is not divisible by 3``, ``3 \mid n``, ``n = 2k + 1``, ``2, 4, 6, \ldots``."""

import math
import re
from itertools import chain, pairwise
from typing import NamedTuple

from dgpo.verifier.expressions.evaluation import COUNTERS
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


MAX_MODULUS = 10_000
MAX_POWER = 99
_MODULI = {"even": ("2", "0"), "odd": ("2", "1")}
_LEAD = re.compile(
    r"\A(?:(?:it|this) (?:is (?:possible|true)|holds|works) )?(?:if and only if|iff|(?:exactly|precisely) (?:when|if)) "
)
_PARTS = {
    "all": r"(?:(?:all|every|any) )?",
    "sign": r"(?:(?P<sign>positive|nonnegative|natural) )?",
    "own_sign": r"(?:(?P<own_sign>positive|nonnegative|natural) )?",
    "numbers": r"(?:(?:whole |natural )?(?:integer|number)s?)",
    "kind": r"(?P<kind>odd|even|prime|composite|(?:perfect )?square|powers? of \d+)",
    "letter": r"(?P<letter>[a-z])",
    "not": r"(?P<not>not )?",
    "modulus": r"(?P<modulus>\d+)",
    "such": r"(?:[a-z] (?:such that|with|where|satisfying) )?",
    "for": r",? ?\(?(?:(?:for|where|with) )?(?:(?:all|any|some|an?) )?",
}
_NUMBER = re.compile(r"(?:(?<=[sr] of )|(?<=le by ))[a-z]+")  # powers of two, divisible by three
_FORMS = tuple(
    re.compile(form.format(**_PARTS))
    for form in (
        r"{all}{sign}{kind}s?(?: {own_sign}{numbers})?(?: {letter})?",
        r"{letter} (?:is |must be )?{not}(?:an? )?{sign}{kind}(?: {numbers})?",
        r"{all}{sign}(?:{numbers} )?(?:{letter} )?(?:that are |which are |is |must be )?{not}"
        r"(?:divisible by|(?:a )?multiples? of) {modulus}",
        r"(?:{all}{sign}(?:{numbers} )?{such})?{modulus} ?(?:\||(?P<not>\\nmid)) ?{letter}",
        r"(?:{all}{sign}(?:(?P<kind>prime)s?|{numbers}) {such})?{all}{letter} ?{not}(?:equiv|(?:is )?congruent to) ?"
        r"(?P<rests>(?:\\pm )?\d+|\d+(?:(?:, ?| or )\d+)*) ?\(?\\?(?:[bp]?mod|modulo) \{{? ?{modulus}\}}?\)?"
        r"(?:, (?:where |and )?(?P=letter) (?:is )?(?:a )?(?P<own_kind>prime))?",
    )
)
_IN_BRACES = re.compile(r"\\\{ ?(?:(?P<letter>[a-z])(?: ?in ?[NZ])? ?[|:] ?)?(?P<inside>.*)\\\}")
_BOUND = re.compile(  # n >= 3, greater than 1
    r"[,;:|]? ?\(?(?:(?:and|with|where|for|when|such that) )?(?:(?<![a-z])(?P<letter>[a-z]) ?)?"
    r"(?:(?<!\{)(?P<sign>>=?)|(?:(?:is|are|that are) )?"
    r"(?:(?P<least>at least|greater than or equal to)|(?:greater|larger) than)) ?(?P<low>\d{1,9})\)?"
)
_LISTED = re.compile(r"(?:[a-z] ?= ?)?(\d{1,9}(?:, ?\d{1,9}){2,}),? ?\.{2,3}")
_FORMULAS = tuple(
    re.compile(form.format(**_PARTS))
    for form in (
        r"{letter} ?= ?{modulus} ?(?P<count>[a-w])(?: ?\+? ?(?P<rests>-?\d+))?"
        r"(?P<said>{for}(?:(?:(?P=count) is an? )?{own_sign}integers?(?: (?P=count))?|(?P=count) ?in ?Z)\)?)?",
        r"(?:{letter} ?= ?)?(?P<base>\d+)\^\{{?(?P<count>[a-w])\}}?"
        r"(?P<said>{for}(?:nonnegative integers? (?P=count)"
        r"|(?P=count) ?in ?(?:Z_\{{>= ?0\}}|N_\{{?0\}}?))\)?)?",
    )
)


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
    text = _LEAD.sub("", re.sub(r"\s+", " ", text[:1].lower() + text[1:]).replace("non-", "non").removesuffix("."))
    text = _NUMBER.sub(lambda word: str(read_words(word.group()) or word.group()), text)
    if braces := _IN_BRACES.fullmatch(text):
        text = ("" if braces["letter"] else "n = ") + braces["inside"]
    if _LISTED.fullmatch(text):
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        step, *others = (later - earlier for earlier, later in pairwise(numbers))
        is_one = 1 < step <= MAX_MODULUS and {*others} == {step}
        return WholeNumbers(step, frozenset((numbers[0] % step,)), "", numbers[0], "") if is_one else None
    bound = _BOUND.search(text)
    text = text.replace(bound.group(), "", 1).strip(" ,;") if bound else text
    match = next(filter(None, (form.fullmatch(text) for form in (*_FORMS, *_FORMULAS))), None)
    if match is None:
        return None
    said = {name: value or "" for name, value in match.groupdict().items()}
    bounded = bound["letter"] or "" if bound else ""
    has_count = bool(said.get("count")) and (bool(said["said"]) or said["count"] == bounded in COUNTERS)
    if match.re in _FORMULAS and not (is_answer or has_count):
        return None
    kind = (said.get("kind") or said.get("own_kind") or "").removeprefix("perfect ").replace("powers", "power")
    kind = f"power of {said['base']}" if said.get("base") else kind
    modulus, rests = _MODULI.get(kind, (said.get("modulus") or "1", said.get("rests") or "0"))
    base = int(modulus[:6])
    if not 0 < base <= MAX_MODULUS or (said.get("not") and base == 1):
        return None
    signs = (1, -1) if "pm" in rests else (1,)
    remainders = frozenset(sign * int(rest[:6]) % base for rest in re.findall(r"-?\d+", rests) for sign in signs)
    if said.get("not"):
        remainders = frozenset(range(base)) - remainders
    _, sign = spoken_set(said.get("sign") or said.get("own_sign") or "") or ("", "")
    low = {"": -math.inf if has_count and not bound else None, ">": 1, ">=": 0}[sign]
    if bound:
        low = int(bound["low"]) + (bound["sign"] != ">=" and not bound["least"])
        letters = {said.get("letter"), said.get("count")} - {"", None}
        if bounded and letters and bounded not in letters:
            return None
    if low is not None and low > -math.inf and has_count and said["count"] == (bounded or said["count"]):
        low = int(said["base"][:6]) ** min(low, MAX_POWER) if said.get("base") else base * low + int(rests[:6])
    return WholeNumbers(base, remainders, "" if kind in _MODULI else kind, low, said.get("letter") or bounded or "")


def same_numbers(gold: WholeNumbers, answer: WholeNumbers) -> bool:
    """Whether two sets are the same; one may leave out that they are positive, or the letter."""
    base = math.lcm(gold.modulus, answer.modulus)
    is_other = gold.letter and answer.letter and gold.letter != answer.letter
    if is_other or gold.kind != answer.kind or base > MAX_MODULUS or gold.firsts().isdisjoint(answer.firsts()):
        return False
    wanted, given = ({rest for rest in range(base) if rest % side.modulus in side.rests} for side in (gold, answer))
    return wanted == given
