"""Exact comparison of numbers: integers, decimals, fractions, per cent, scientific notation; with units.

Values are `Fraction`; no float takes part and nothing is evaluated. A tolerance exists only where one side
was written as a decimal and the gold is no integer: 0.333333 is 1/3, and 5.0000001 is not 5.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dgpo.rewards.normalise import WRAPPER, plain

MAX_DIGITS = 1000
MAX_EXPONENT = 400
RELATIVE_TOLERANCE = Fraction(1_000_001, 10**12)
"""A shade over 1e-6, so that six written digits (0.333333 for 1/3) are enough."""

_GROUPED = r"\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+"
_DECIMAL = rf"(?:(?:{_GROUPED}|\d+)(?:\.\d*)?|\.\d+)"
_POWER_OF_TEN = r"10 ?\^ ?(?:\{ ?(?P<NAME>[+-]? ?\d{1,4}) ?\}|(?P<NAME_digit>\d))"
_NUMBER = re.compile(
    r"(?P<currency>[$€£¥] ?)?(?P<sign>[+-]?) ?(?P<currency2>[$€£¥] ?)?(?:"
    rf"(?:(?P<whole>\d+) ?)?\\frac ?\{{ ?(?P<fsign>[+-]?) ?(?P<num>{_DECIMAL}) ?\}}"
    rf" ?\{{ ?(?P<den>{_DECIMAL}) ?\}}|"
    rf"(?:(?P<mixed>\d+) )?(?P<slash_num>\d+) ?/ ?(?P<slash_den>\d+)|"
    rf"(?P<mantissa>{_DECIMAL}) ?(?:\\times|\\cdot|\*) ?{_POWER_OF_TEN.replace('NAME', 'exp')}|"
    rf"{_POWER_OF_TEN.replace('NAME', 'ten')}|"
    rf"(?P<decimal>{_DECIMAL})(?:[eE](?P<e>[+-]?\d{{1,4}}))?"
    r")(?P<unit>.*)",
    re.DOTALL,
)
_UNIT_WORDS = re.compile(r"[A-Za-z]+(?:[ /]*[A-Za-z]+){0,3}(?: ?\^ ?\{? ?-?[1-9] ?\}?)?")
_SHORT_UNIT = re.compile("[mcdkn]m|[mk]g|lb|oz|m[lL]|[cd]l|hr|ms|ft|yd|km/h|m/s|Hz|Pa|kJ|kW")
_LETTER_UNIT = re.compile("[mgshlLNJWVAKCF]")
_NOT_UNITS = re.compile(r"\b(?:or|and|not?|nor|to|is|either|maybe|if|sin|cos|tan|cot|sec|csc|log|exp|sqrt|mod)\b", re.I)
_TRAILING_WORDS = re.compile(rf"(?P<body>.+?) ?(?P<unit>{WRAPPER}(?: ?\^ ?\{{?\d\}}?)?)", re.DOTALL)
_PERCENT = frozenset(("percent", "percentage", "per cent", "pct"))
_SINGULAR = {"feet": "foot", "inches": "inch", "degrees": "degree", r"^{\circ}": "degree", "hrs": "hr"}


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
    if len(text) > MAX_DIGITS + 100 or not (found := _NUMBER.fullmatch(text)):
        return None
    part = found.groupdict()
    unit = _unit(part["unit"])
    if unit is None:
        return None
    if part["currency"] or part["currency2"]:
        unit = unit or (part["currency"] or part["currency2"]).strip()
    value = _value(part)
    if value is None:
        return None
    is_percent = unit == "%"
    is_decimal = "." in found.group()[: found.start("unit")] or part["e"] is not None
    return Quantity(-value if part["sign"] == "-" else value, is_decimal, is_percent, "" if is_percent else unit)


def split_unit(text: str) -> tuple[str, str]:
    r"""An expression and the unit in words behind it (``\sqrt{2} \text{ cm}``); '' for no unit."""
    found = _TRAILING_WORDS.fullmatch(text)
    unit = _unit(found["unit"]) if found else None
    return (found["body"], unit) if found and unit else (text, "")


def equal(gold: Quantity, answer: Quantity) -> bool:
    """Whether ``answer`` is the value that ``gold`` asks for.

    Units must agree when both sides have one. 10 % is 10 and 0.1, but 10 is not 0.1.
    """
    if gold.unit and answer.unit and gold.unit != answer.unit:
        return False
    if gold.is_percent == answer.is_percent:
        return _close(gold, gold.value, answer, answer.value)
    if gold.is_percent:
        return any(_close(gold, value, answer, answer.value) for value in (gold.value, gold.value / 100))
    return any(_close(gold, gold.value, answer, value) for value in (answer.value, answer.value / 100))


def _close(gold: Quantity, gold_value: Fraction, answer: Quantity, answer_value: Fraction) -> bool:
    if gold_value == answer_value:
        return True
    if gold_value.denominator == 1 or not (gold.is_decimal or answer.is_decimal):
        return False
    return abs(gold_value - answer_value) <= RELATIVE_TOLERANCE * abs(gold_value)


def _value(part: dict[str, str | None]) -> Fraction | None:
    if part["num"] is not None and part["den"] is not None:
        denominator = _exact(part["den"])
        if not denominator or (part["whole"] and part["fsign"]):
            return None
        fraction = _exact(part["num"]) / denominator
        return _mixed(part["whole"], -fraction if part["fsign"] == "-" else fraction)
    if part["slash_num"] is not None and part["slash_den"] is not None:
        denominator = int(part["slash_den"])
        return _mixed(part["mixed"], Fraction(int(part["slash_num"]), denominator)) if denominator else None
    exponent = part["exp"] or part["exp_digit"] or part["ten"] or part["ten_digit"] or part["e"]
    power = int((exponent or "0").replace(" ", ""))
    if abs(power) > MAX_EXPONENT:
        return None
    return _exact(part["mantissa"] or part["decimal"] or "1") * Fraction(10) ** power


def _mixed(whole: str | None, fraction: Fraction) -> Fraction | None:
    if not whole:
        return fraction
    return int(whole) + fraction if fraction < 1 else None


def _exact(digits: str) -> Fraction:
    return Fraction(Decimal(digits.replace(",", "").replace(" ", "")))


def _unit(text: str) -> str | None:
    """The unit in one spelling, '' for none, or None where ``text`` is no unit (a variable, an operator)."""
    bare = text.strip()
    if not bare or bare in ("%", r"^{\circ}"):
        return _SINGULAR.get(bare, bare)
    words = plain(bare)
    if not _UNIT_WORDS.fullmatch(words) or _NOT_UNITS.search(words):
        return None
    name = re.split(r"[ ^]", words)[0]
    if "\\" not in bare and not _SHORT_UNIT.fullmatch(name):
        known = len(name) > 2 or _LETTER_UNIT.fullmatch(name)
        if not (known and text.startswith(" ")):
            return None
    if words in _PERCENT:
        return "%"
    name = _SINGULAR.get(name, name.removesuffix("s") if len(name) > 3 else name)
    return name + re.sub(r"[ {}]", "", words[len(re.split(r"[ ^]", words)[0]) :])
