r"""Units of measure in one spelling: ``\text{ sq. cm}``, ``cm^2`` and ``square centimetres`` are ``cm^2``.

Words that are no known unit are things that are counted (``apples``), and count as a unit of their own name.
"""

import re

from dgpo.rewards.normalise import plain
from dgpo.rewards.number_words import WORDS

_SPELLINGS = {
    "%": "% percent percentage pct",
    "degree": "degree degrees deg", "celsius": "celsius degc", "fahrenheit": "fahrenheit degf",
    "m": "m meter meters metre metres", "cm": "cm centimeter centimeters centimetre centimetres",
    "mm": "mm millimeter millimeters millimetre millimetres", "km": "km kilometer kilometers kilometre kilometres",
    "nm": "nm nanometer nanometers", "in": "in inch inches", "ft": "ft foot feet", "yd": "yd yard yards",
    "mi": "mi mile miles", "g": "g gram grams", "kg": "kg kilogram kilograms", "mg": "mg milligram milligrams",
    "lb": "lb lbs pound pounds", "oz": "oz ounce ounces", "L": "L liter liters litre litres",
    "mL": "mL ml milliliter milliliters", "s": "s sec secs second seconds", "min": "min mins minute minutes",
    "h": "h hr hrs hour hours", "day": "day days", "week": "week weeks", "month": "month months",
    "year": "year years yr yrs", "ms": "ms millisecond milliseconds",
    "$": "$ dollar dollars usd", "€": "€ euro euros eur", "£": "£ gbp", "¥": "¥ yen", "₹": "₹ rupee rupees rs rs. inr",
    "cent": "cent cents ¢", "J": "J joule joules", "N": "N newton newtons", "W": "W watt watts", "V": "V volt volts",
    "A": "A amp amps ampere amperes", "K": "K kelvin kelvins", "Hz": "Hz hertz", "Pa": "Pa pascal pascals",
    "C": "C coulomb coulombs", "F": "F", "mol": "mol mole moles", "ohm": r"ohm ohms \Omega",
    "mi/h": "mph", "km/h": "kmh kph kmph", "unit": "unit units u", "rad": "rad radian radians",
    "kJ": "kJ", "kW": "kW", "MHz": "MHz", "GHz": "GHz", "eV": "eV", "dm": "dm", "cL": "cL cl", "dL": "dL dl",
    "kPa": "kPa", "um": "um micrometer micrometers micron microns", "M": "M", "atm": "atm", "mA": "mA", "kWh": "kWh",
}  # fmt: skip
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_CURRENCIES = frozenset("$€£¥₹")
_ATTACHED = frozenset(unit for unit in _UNITS if len(unit) > 1 and unit not in ("min", "in", "deg", "sec"))
"""What may follow a number at once in plain text: ``5cm``, but ``5m`` and ``5s`` are products."""
_NOT_UNITS = re.compile(
    r"\b(?:or|and|not?|nor|to|is|are|either|maybe|if|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|mod|more|less|than|times|plus"
    r"|minus|at|most|least|over|divided|about|x|y|z|but|unless|versus|vs|through|otherwise|instead|alternatively|until"
    r"|except|without|below|above|wrong|false|incorrect|fails?|too|also|negative|squared|cubed|dozens?|factorial|root"
    rf"|reciprocal|doubled|tripled|half|halves|thirds?|quarters?|fourths?|fifths?|tenths?|{'|'.join(WORDS)})\b",
    re.IGNORECASE,
)
_POWER = r"(?: ?\^ ?\{? ?(?P<power>-?[1-9]) ?\}?)?"
_DEGREES = re.compile(r"\^\{\\circ\} ?(?:(?P<scale>[CF])|(?:celsius|fahrenheit))?", re.IGNORECASE)
_FACTOR = re.compile(rf"(?P<square>(?:square|sq\.?|cubic|cu\.?) )?(?P<name>[A-Za-z$€£¥₹¢%]+\.?){_POWER}")
_MODULUS = re.compile(r"\\pmod ?\{ ?(\w+) ?\}")
_TIMES = re.compile(r" ?(?:\\cdot(?![A-Za-z])|\*) ?|(?<!square)(?<!cubic)(?<!sq)(?<!cu)(?<!\.) (?![\^])", re.IGNORECASE)
_PER = re.compile(r" ?/ ?| per ")
_PHRASE = re.compile(r"[A-Za-z]+(?:[ '-]+[A-Za-z]+){0,4}")


def read_unit(text: str) -> str | None:
    r"""``text`` (what follows a number, LaTeX or plain) as a unit; '' for none, None where it is no unit.

    A lone letter is a unit only in ``\text{}`` or ``\mathrm{}`` or after a space: ``5x`` is a product.
    """
    bare = text.strip()
    if not bare:
        return ""
    if bare in _CURRENCIES or bare in ("%", "¢"):
        return "cent" if bare == "¢" else bare
    opened = plain(bare).replace(r"\Omega", "ohm").replace(r"\mu ", "u")
    if _DEGREES.fullmatch(opened):
        name = opened.partition("}")[2].strip().upper()[:1]
        return {"": "degree", "C": "celsius", "F": "fahrenheit"}[name]
    if opened in ("'", "''"):
        return "ft" if opened == "'" else "in"
    if opened.lower() in ("per cent", r"\%"):
        return "%"
    if modulus := _MODULUS.fullmatch(opened):
        return f"mod {modulus[1]}"
    if _NOT_UNITS.search(opened):
        return None
    is_worded = "\\" in bare
    parts = [_factors(part, is_worded, text.startswith(" ")) for part in _PER.split(opened)]
    if all(parts):
        return _product(parts)
    if not _PHRASE.fullmatch(opened) or not (is_worded or text.startswith(" ")):
        return None
    counted = [word for word in opened.lower().split() if len(word) > 1]
    return counted[0].removesuffix("s") if counted else None


def _product(parts: list[dict[str, int]]) -> str:
    """One spelling for the units of the first part over those of the others: ``m/s^2``, ``kg*m/s^2``."""
    powers = dict(parts[0])
    for part in parts[1:]:
        for unit, power in part.items():
            powers[unit] = powers.get(unit, 0) - power
    above = [unit + (f"^{power}" if power > 1 else "") for unit, power in sorted(powers.items()) if power > 0]
    below = [unit + (f"^{-power}" if power < -1 else "") for unit, power in sorted(powers.items()) if power < 0]
    return "*".join(above) + "".join(f"/{unit}" for unit in below)


def _factors(text: str, is_worded: bool, has_space: bool) -> dict[str, int]:
    r"""The units in ``N\cdot m`` or ``m s^{-2}`` and their powers; none where a factor is no unit."""
    powers: dict[str, int] = {}
    for factor in _TIMES.split(text.strip()) if is_worded else [text.strip()]:
        found = _FACTOR.fullmatch(factor)
        name = found["name"] if found else ""
        unit = _UNITS.get(name) or _UNITS.get(name.lower() if len(name) > 2 else name)
        if found is None or unit is None or not (is_worded or has_space or name in _ATTACHED):
            return {}
        power = int(found["power"] or {"": 1, "s": 2, "c": 3}[(found["square"] or "")[:1]])
        above, _, below = unit.partition("/")  # of mph
        powers[above] = powers.get(above, 0) + power
        if below:
            powers[below] = powers.get(below, 0) - power
    return powers
