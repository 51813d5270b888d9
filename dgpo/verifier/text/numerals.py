r"""Numbers as they are written, in digits (``1,234.5``, ``0.1\overline{6}``, ``2.5e3``, ``0.333...``) or in words
(``forty-two``, ``two thirds``).
"""

import re
from fractions import Fraction

from dgpo.verifier.text.tokens import Token, Unreadable

MAX_DIGITS = 1000
MAX_EXPONENT = 400
GROUPS = r"\d{1,3}(?:,\d{3})+|[1-9]\d{0,2}(?:(?:\.\d{3}){2,}|(?:'\d{3}){2,})"
GROUPS += r"|[1-9]\d{0,2}(?:(?: ?\{ ?, ?\} ?|\\[!,:; ]|,\\! ?|,\{\} ?|\\!, ?| )\d{3})+"
_PERIOD = r"(?P<period>\\(?:overline|bar|dot) ?\{? ?\d+ ?\}?(?:\d*\\dot ?\{? ?\d ?\}?)?|(?<=\.)\(\d+\))"
_MORE_DIGITS = re.compile(
    rf"{_PERIOD}|(?P<printed> ?(?:\.\.\.|\\l?dots|\\cdots)(?![A-Za-z]))|[eE](?P<power>[+-]?\d{{1,4}})(?![A-Za-z\d])"
)
_REPEATED = re.compile(r"(\d{1,12}?)\1+\Z")

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
MAGNITUDES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
MAGNITUDES |= {"lakh": 10**5, "crore": 10**7, "dozen": 12, "万": 10**4, "亿": 10**8}

_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_PARTS |= {word + end: below for below, word in enumerate(_ORDINALS.split(), start=3) for end in ("", "s")}

WORDS = (*_VALUES, *MAGNITUDES)


def read_number(text: str, found: re.Match[str], is_worded: bool) -> tuple[Token, int]:
    """The number in ``text`` that begins with the digits ``found``, and its end. Raises Unreadable if too long."""
    written, at = found.group(), found.end()
    if written.count(".") > 1:
        written = written.replace(".", "")  # 1.000.000
    whole, _, decimals = (written if written.isdigit() else re.sub(r"[^\d.]", "", written)).partition(".")
    if len(whole) + len(decimals) > MAX_DIGITS:
        raise Unreadable("too many digits")
    plain = value = Fraction(int(whole + decimals or "0"), 10 ** len(decimals))
    is_decimal = bool(decimals) or (written.endswith(".") and not text[at:].strip(" $*}"))
    more = _MORE_DIGITS.match(text, at)
    if more and more["period"] and "." in written:
        value += _repeated(re.sub(r"\D", "", more["period"]), len(decimals))
        at, is_decimal = more.end(), False
    elif more and more["power"] and not is_worded and abs(int(more["power"])) <= MAX_EXPONENT:
        value *= Fraction(10) ** int(more["power"])
        at, is_decimal = more.end(), True
    elif more and more["printed"] and len(decimals) >= 3:
        at = more.end()
        if period := _REPEATED.search(decimals):
            start = period.start()
            value = Fraction(int(whole + decimals[:start] or "0"), 10**start) + _repeated(period[1], start)
            is_decimal = False
    groups = tuple(written.split(",")) if "," in written and not set("{\\.") & set(written) else ()
    shown = f"{whole or 0}.{decimals}" if decimals else str(int(whole or 0)) if len(whole) < 400 else whole
    if value is not plain:
        shown = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    return Token("number", value, shown, is_worded=is_worded, is_decimal=is_decimal, groups=groups), at


def _repeated(period: str, places: int) -> Fraction:
    """The value of a period of decimals that repeats from the ``places``-th decimal on."""
    return Fraction(int(period), 10**places * (10 ** len(period) - 1))


def read_words(text: str) -> int | Fraction | None:
    """The number that ``text`` spells in words, a fraction too (``two thirds``), or None."""
    words = re.findall("[a-z]+", text.lower())
    if not words or words[-1] == "and" or len(words) > 12 or re.sub(r"[\s-]+", "", text.lower()) != "".join(words):
        return None
    below = _PARTS.get(words[-1])
    if below and "and" in words:  # one and a half
        cut = len(words) - words[::-1].index("and")
        whole, part = (read_words(" ".join(side)) for side in (words[: cut - 1], words[cut:]))
        return None if whole is None or part is None else whole + part
    if below and (len(words) > 1 or below == 2):
        above = 1 if words[:-1] in ([], ["a"]) else read_words(" ".join(words[:-1]))
        is_one = words[-1] == "half" or words[-1] + "s" in _PARTS
        return Fraction(above, below) if above is not None and is_one == (above == 1) else None
    total = part = 0
    for before, word in zip(("", *words), words, strict=False):
        if word in _VALUES:
            if before in _VALUES and not (_VALUES[before] >= 20 and 0 < _VALUES[word] < 10):
                return None  # one two, twenty thirty
            part += _VALUES[word]
        elif word == "hundred" and part:
            part *= 100
        elif word in MAGNITUDES and part:
            total, part = total + part * MAGNITUDES[word], 0
        elif word != "and" or before not in MAGNITUDES:
            return None
    return total + part
