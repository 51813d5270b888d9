"""Exact comparison of numbers: integers, decimals, fractions, per cent, scientific notation; with units.

Values are `Fraction`; no float takes part. A tolerance exists only where one side was written as a decimal and
the gold is no integer: 0.333333 is 1/3, and 5.0000001 is not 5.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from dgpo.verifier.arithmetic import evaluate
from dgpo.verifier.normalise import WRAPPER, plain
from dgpo.verifier.number_words import MAGNITUDES, read_words
from dgpo.verifier.units import read_unit, same_unit

MAX_DIGITS = 1000
MAX_EXPONENT = 400
RELATIVE_TOLERANCE = Fraction(1_000_001, 10**12)
"""A shade over 1e-6, so that six written digits (0.333333 for 1/3) are enough."""

BASE = "base "
"""What the unit of a number in another base begins with; its value is that of its digits, read as decimal."""

_GROUPED = r"\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+"
_DECIMAL = rf"(?:(?:{_GROUPED}|\d+)(?:\.\d*)?|\.\d+)"
_POWER_OF_TEN = r"10 ?(?:\^|\*\*) ?(?:\{ ?(?P<NAME>[+-]? ?\d{1,4}) ?\}|(?P<NAME_digit>\d{1,3}))"
_NUMBER = re.compile(
    r"(?P<currency>[$€£¥₹] ?|(?:USD|Rs\.?|US\$) )?(?P<sign>[+-]?) ?(?P<currency2>[$€£¥₹] ?)?(?:"
    rf"(?:(?P<whole>\d+) ?)?\\frac ?\{{ ?(?P<fsign>[+-]?) ?(?P<num>{_DECIMAL}) ?\}}"
    rf" ?\{{ ?(?P<den>{_DECIMAL}) ?\}}|"
    rf"(?:(?P<mixed>\d+) )?(?P<slash_num>{_DECIMAL}) ?/ ?(?P<slash_den>{_DECIMAL})|"
    rf"(?P<mantissa>{_DECIMAL}) ?(?:\\times|\\cdot|\*|x(?= ?10)) ?{_POWER_OF_TEN.replace('NAME', 'exp')}|"
    rf"{_POWER_OF_TEN.replace('NAME', 'ten')}|"
    r"(?P<before>\d*\.\d*)\\(?:overline|bar|dot) ?\{? ?(?P<repeating>\d+) ?\}?|"
    r"(?P<printed>\d*\.\d{3,}) ?(?:\.\.\.|\\l?dots|\\cdots)|"
    rf"(?P<decimal>{_DECIMAL})(?:[eE](?P<e>[+-]?\d{{1,4}}))?"
    r")(?P<unit>.*)",
    re.DOTALL,
)
_BASE = re.compile(r"_ ?\{ ?(\d{1,2}|[a-z]+) ?\}")
_MAGNITUDE = re.compile(rf" ?({'|'.join(MAGNITUDES)})(?![A-Za-z])")
_TRAILING_WORDS = re.compile(rf"(?P<body>.+?)(?P<unit> ?{WRAPPER}(?: ?\^ ?\{{?\d\}}?)?)", re.DOTALL)
_TRAILING_UNIT = re.compile(
    r"(?P<body>.*(?:[\d})\]]|\\[a-z]{2,8}))(?P<unit> [a-zA-Z]{2,12}(?: [a-z]{4,12})?(?: ?\^ ?\{?[23]\}?)?)", re.DOTALL
)
_GROUP = re.compile(r"\{[^{}]*\}|\([^()]*\)")
_WORDED = re.compile(r"\\(?:text|mathrm)(?! ?\{ ?[dei] ?\})")
_PARTS = re.compile(r",(?!\d{3}(?!\d))|;|(?<![A-Za-z\\])[A-Za-z](?:[A-Za-z]| \d)")
"""What is left outside brackets of a list, and of words: ``1, 2``, ``2 h and 30``."""
_TRIGONOMETRY = re.compile(r"sin|cos|tan|cot|sec|csc")
_REPEATED = re.compile(r"(\d{1,12}?)\1+\Z")
_BRACKETED_LIST = re.compile(r"\([^()]*,[^()]*\)")
"""Its commas separate: ``(1,234)`` is a point, not 1234."""
_IS_ARITHMETIC = re.compile(r"[\d(\\{\[.+-]")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written: exact value, whether as a decimal, whether in per cent, and unit ('' for none)."""

    value: Fraction
    is_decimal: bool
    is_percent: bool
    unit: str


def parse_number(text: str) -> Quantity | None:
    """The quantity that the cleaned ``text`` spells, or None if it is anything but one number.

    Longer than `MAX_DIGITS` digits or beyond 10**±`MAX_EXPONENT` is None as well. Linear in the text.
    """
    if len(text) > MAX_DIGITS + 100:
        return None
    found = _NUMBER.fullmatch(text) or _NUMBER.fullmatch(plain(text))
    if not found:
        words = read_words(plain(text))
        return Quantity(Fraction(words), False, False, "") if words is not None else None
    part = found.groupdict()
    rest = part["unit"]
    scale = 1
    if magnitude := _MAGNITUDE.match(plain(rest)):
        scale, rest = MAGNITUDES[magnitude[1]], plain(rest)[magnitude.end() :]
    base = _BASE.fullmatch(plain(rest))
    unit = _base_unit(base[1]) if base else read_unit(rest)
    if unit is None:
        return None
    if part["currency"] or part["currency2"]:
        sign = (part["currency"] or part["currency2"]).strip()
        unit = unit or {"USD": "$", "US$": "$", "Rs": "₹", "Rs.": "₹"}.get(sign, sign)
    value = _value(part)
    if value is None:
        return None
    is_percent = unit == "%"
    is_decimal = "." in found.group()[: found.start("unit")] or part["e"] is not None
    value = (-value if part["sign"] == "-" else value) * scale
    return Quantity(value, is_decimal and part["repeating"] is None, is_percent, "" if is_percent else unit)


@lru_cache(maxsize=1024)  # each part of a list is compared with each of another
def read_number(text: str) -> Quantity | None:
    """As `parse_number`, and arithmetic on rational numbers too (``3 \\cdot 4``, ``5!``, ``\\sqrt{16}\\text{ cm}``)."""
    number = parse_number(text)
    if number is not None or not _IS_ARITHMETIC.match(text) or _BRACKETED_LIST.fullmatch(text):
        return number
    body, unit = split_unit(text)
    if body.endswith("%"):
        body, unit = body[:-1], "%"
    value = evaluate(body)
    return None if value is None else Quantity(value, "." in body, unit == "%", "" if unit == "%" else unit)


def split_unit(text: str) -> tuple[str, str]:
    r"""An expression and the unit in words behind it (``\sqrt{2} \text{ cm}``, ``16\pi cm^2``); '' for no unit.

    What is a list, or has words besides, has parts with units of their own.
    """
    if text.endswith(r"^{\circ}"):
        body = text.removesuffix(r"^{\circ}")
        return (text, "") if _TRIGONOMETRY.search(text) or _has_parts(body) else (body, "degree")
    found = _TRAILING_WORDS.fullmatch(text) or _TRAILING_UNIT.fullmatch(text)
    unit = read_unit(found["unit"]) if found else None
    is_clock = unit in ("am", "pm")
    return (found["body"], unit) if found and unit and not (is_clock or _has_parts(found["body"])) else (text, "")


def _has_parts(body: str) -> bool:
    if _WORDED.search(body):
        return True
    for _ in range(3):
        body = _GROUP.sub("", body)
    return bool(_PARTS.search(body))


def equal(gold: Quantity, answer: Quantity) -> bool:
    """Whether ``answer`` is the value that ``gold`` asks for.

    Units must agree when both sides have one. 10 % is 10 and 0.1, but 10 is not 0.1. A base is part of the number, not
    a unit: 52 is not 52_8.
    """
    gold_unit, answer_unit = (("%" if side.is_percent else side.unit) for side in (gold, answer))
    has_base = gold_unit.startswith(BASE) or answer_unit.startswith(BASE)
    if gold_unit != answer_unit and (has_base or (gold_unit and answer_unit and not same_unit(gold_unit, answer_unit))):
        return False
    if gold.is_percent == answer.is_percent:
        return _close(gold, gold.value, answer, answer.value)
    if gold.is_percent:
        return any(_close(gold, value, answer, answer.value) for value in (gold.value, gold.value / 100))
    return any(_close(gold, gold.value, answer, value) for value in (answer.value, answer.value / 100))


def _base_unit(base: str) -> str:
    number = read_words(base) or base
    return "" if str(number) == "10" else f"{BASE}{number}"


def _close(gold: Quantity, gold_value: Fraction, answer: Quantity, answer_value: Fraction) -> bool:
    if gold_value == answer_value:
        return True
    if gold_value.denominator == 1 or not (gold.is_decimal or answer.is_decimal):
        return False
    return abs(gold_value - answer_value) <= RELATIVE_TOLERANCE * max(abs(gold_value), abs(answer_value))


def _value(part: dict[str, str | None]) -> Fraction | None:
    if part["num"] is not None and part["den"] is not None:
        if part["whole"] and part["fsign"]:
            return None
        fraction = _quotient(part["num"], part["den"])
        return _mixed(part["whole"], -fraction if part["fsign"] == "-" and fraction else fraction)
    if part["slash_num"] is not None and part["slash_den"] is not None:
        return _mixed(part["mixed"], _quotient(part["slash_num"], part["slash_den"]))
    if part["before"] is not None and part["repeating"] is not None:
        return _repeating(part["before"], part["repeating"])
    if part["printed"] is not None:
        whole, _, digits = part["printed"].partition(".")
        period = _REPEATED.search(digits)
        return _repeating(f"{whole}.{digits[: period.start()]}", period[1]) if period else _exact(part["printed"])
    exponent = part["exp"] or part["exp_digit"] or part["ten"] or part["ten_digit"] or part["e"]
    power = int((exponent or "0").replace(" ", ""))
    if abs(power) > MAX_EXPONENT:
        return None
    return _exact(part["mantissa"] or part["decimal"] or "1") * Fraction(10) ** power


def _quotient(top: str, bottom: str) -> Fraction | None:
    denominator = _exact(bottom)
    return _exact(top) / denominator if denominator else None


def _mixed(whole: str | None, fraction: Fraction | None) -> Fraction | None:
    if not whole or fraction is None:
        return fraction
    return int(whole) + fraction if fraction < 1 else None


def _repeating(before: str, period: str) -> Fraction:
    """``0.1`` and ``6`` are 0.1666...; period p of n digits after m decimals adds p / (10**m (10**n - 1))."""
    decimals = len(before.partition(".")[2])
    return _exact(f"0{before}0") + Fraction(int(period), 10**decimals * (10 ** len(period) - 1))


def _exact(digits: str) -> Fraction:
    return Fraction(Decimal(digits.replace(",", "").replace(" ", "")))
