r"""Sets of whole numbers by their names: ``all odd n``, ``n is not divisible by 3``, ``3 \mid n``, ``n = 2k + 1``."""

import re
from math import lcm
from typing import NamedTuple

from dgpo.verifier.answers.number_sets import spoken_set
from dgpo.verifier.text.numerals import read_words

MAX_MODULUS = 10_000
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
_FORMULAS = tuple(
    re.compile(form.format(**_PARTS))
    for form in (
        r"{letter} ?= ?{modulus} ?(?P<count>[a-w])(?: ?\+? ?(?P<rests>-?\d+))?"
        r"(?P<said>{for}(?:integers? (?P=count)|(?P=count) ?in ?Z)\)?)?",
        r"(?:{letter} ?= ?)?(?P<base>\d+)\^\{{?(?P<count>[a-w])\}}?"
        r"(?P<said>{for}(?:nonnegative integers? (?P=count)"
        r"|(?P=count) ?(?:>= ?0|in ?(?:Z_\{{>= ?0\}}|N_\{{?0\}}?)))\)?)?",
    )
)


class WholeNumbers(NamedTuple):
    """Those whose remainder by `modulus` is one of `rests`, of a `kind` (prime, square) and a `sign`."""

    modulus: int
    rests: frozenset[int]
    kind: str
    sign: str
    letter: str


def whole_numbers(text: str, *, is_answer: bool) -> WholeNumbers | None:
    """The set that a plain text names; None for anything else. A formula alone names one in an answer: ``y = 2x + 1``
    as a ground truth may be a line."""
    text = _LEAD.sub("", re.sub(r"\s+", " ", text[:1].lower() + text[1:]).replace("non-", "non").rstrip(". "))
    text = _NUMBER.sub(lambda word: str(read_words(word.group()) or word.group()), text)
    match = next(filter(None, (form.fullmatch(text) for form in (*_FORMS, *_FORMULAS))), None)
    if match is None or (match.re in _FORMULAS and not (is_answer or match["said"])):
        return None
    said = {name: value or "" for name, value in match.groupdict().items()}
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
    sign = "all" if said.get("said") and not said.get("base") else sign
    return WholeNumbers(base, remainders, "" if kind in _MODULI else kind, sign, said.get("letter", ""))


def same_numbers(gold: WholeNumbers, answer: WholeNumbers) -> bool:
    """Whether two sets are the same; one may leave out the sign, or the letter."""
    for one, other in zip(gold[3:], answer[3:], strict=True):
        if one and other and one != other:
            return False
    base = lcm(gold.modulus, answer.modulus)
    if gold.kind != answer.kind or base > MAX_MODULUS:
        return False
    wanted, given = ({rest for rest in range(base) if rest % side.modulus in side.rests} for side in (gold, answer))
    return wanted == given
