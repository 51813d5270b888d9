"""Numbers in English words: ``seven``, ``forty-two``, ``one hundred``; and ``million`` behind digits."""

import re
from fractions import Fraction
from itertools import pairwise

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
MAGNITUDES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
MAGNITUDES |= {"lakh": 10**5, "crore": 10**7}

_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_PARTS |= {word + end: below for below, word in enumerate(_ORDINALS.split(), start=3) for end in ("", "s")}

WORDS = (*_VALUES, *MAGNITUDES)


def read_words(text: str) -> int | Fraction | None:
    """The number that ``text`` spells in words, a fraction too (``two thirds``), or None."""
    words = re.findall("[a-z]+", text.lower())
    if not words or len(words) > 12 or re.sub(r"[\s-]+", "", text.lower()) != "".join(words):
        return None
    below = _PARTS.get(words[-1])
    if below and len(words) > 1:
        above = 1 if words[:-1] == ["a"] else read_words(" ".join(words[:-1]))
        is_one = words[-1] == "half" or words[-1] + "s" in _PARTS
        return Fraction(above, below) if above is not None and is_one == (above == 1) else None
    total = part = 0
    for index, word in enumerate(words):
        if word in _VALUES:
            part += _VALUES[word]
        elif word == "hundred" and part:
            part *= 100
        elif word in MAGNITUDES and part:
            total, part = total + part * MAGNITUDES[word], 0
        elif not (word == "and" and 0 < index < len(words) - 1 and words[index - 1] in MAGNITUDES):
            return None
    return total + part if _spells(words) else None


def _spells(words: list[str]) -> bool:
    """False for values that only stand side by side: ``one two``, ``twenty thirty``."""
    values = [_VALUES.get(word) for word in words]
    for value, following in pairwise(values):
        if value is not None and following is not None and not (value >= 20 and 0 < following < 10):
            return False
    return True
