r"""Reads units of measure into one spelling: ``\text{ sq. cm}`` and ``square centimetres`` are ``cm^2``.

Other words name things that are counted, ``red balls``, which are a unit too. Symbols keep their case (mW is no MW).
"""

import re
from collections import Counter
from collections.abc import Sequence

from dgpo.verifier.text.numerals import WORDS
from dgpo.verifier.text.spelling import FUNCTIONS, GREEK
from dgpo.verifier.text.splitting import group_end
from dgpo.verifier.text.stance import DOUBT
from dgpo.verifier.text.tokens import Token, has_any, latex, vocabulary

_SPELLINGS = {
    "%": "% percent percentage pct", "degree": "degree deg 度", "celsius": "celsius degc", "m": "m meter metre 米",
    "fahrenheit": "fahrenheit degf", "km": "km Km 千米 公里", "cm": "cm 厘米", "mm": "mm 毫米", "in": "in inch",
    "ft": "ft foot feet", "yd": "yd yard", "mi": "mi mile", "g": "g gram 克", "kg": "kg Kg kgs 千克 公斤",
    "lb": "lb lbs pound", "oz": "oz ounce", "L": "L liter litre 升", "mL": "mL ml", "cL": "cL cl", "dL": "dL dl",
    "s": "s sec second 秒", "min": "min minute 分钟", "h": "h hr hrs hour 小时 时", "day": "day 天", "week": "week",
    "month": "month", "year": "year yr yrs 年", "um": "um micron", "cent": "cent ¢", "$": "$ dollar usd USD",
    "€": "€ euro eur EUR", "£": "£ gbp GBP", "¥": "¥ yen yuan 元", "₹": "₹ rupee rs rs. Rs Rs. inr INR",
    "J": "J joule", "N": "N newton", "W": "W watt", "V": "V volt", "A": "A amp ampere", "K": "K kelvin",
    "Hz": "Hz hertz", "Pa": "Pa pascal", "T": "T tesla", "C": "C coulomb", "F": "F farad", "mol": "mol mole",
    "cal": "cal calorie", "ohm": "ohm Ω", "mi/h": "mph", "km/h": "kmh kph kmph", "rev/min": "rpm RPM", "N*m": "Nm",
    "kW*h": "kWh", "mol/L": "M molar", "am": "am AM", "pm": "pm PM", "unit": "unit u", "rad": "rad radian",
    "Msun": r"M_{\odot} M_\odot", "cup": "cup",
    **{symbol: symbol for symbol in vocabulary("nm dm mg ms eV kJ kW MHz GHz kPa atm mA")},
}  # fmt: skip
MAX_UNIT = 24
"""The most tokens that a unit may have."""
_SYMBOLS = {"pmod": "mod", "degree": r"^{\circ}", "Omega": "Ω", "mu": "u", "odot": r"\odot"}
_OF_NAMES = re.compile(r"(?<=[a-z]{4}) ?\( ?[A-Za-z](?: ?, ?[A-Za-z])+ ?\)\Z")  # pairs (a, b)
_PREFIXES = {"kilo": "k", "milli": "m", "micro": "u", "mega": "M", "giga": "G", "nano": "n", "centi": "c"}
_PREFIXED = re.compile(rf"({'|'.join(_PREFIXES)})([a-z]{{4,}})")
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
BASE = "base "
"""The unit of ``52_8`` is ``base 8``, and its value 52."""
_MONEY = (*"$€£¥₹", "cent")
_SIGNS = {sign: sign for sign in (*_MONEY, "%")} | {"¢": "cent", "'": "ft", "''": "in", "per cent": "%"}
_ATTACHED = frozenset(unit for unit in _UNITS if len(unit) > 1 and unit not in ("min", "in", "deg", "sec"))
"""What may follow a number at once in plain text: ``5cm``, but ``5m`` and ``5s`` are products."""
_FRACTIONS = [word.removesuffix("y") + ("ieth" if word.endswith("y") else "th") for word in WORDS]
_NOT_UNITS = re.compile(
    r"\b(?:or|and|not?|nor|to|is|are|either|if|sin|cos|tan|cot|csc|log|ln|exp|sqrt|mod|more|less|than|times(?=.)|plus"
    r"|minus|at|most|least|over|divided|about|x|y|z|but|unless|versus|vs|through|otherwise|instead|alternatively|until"
    r"|except|excluded|without|below|above|wrong|false|incorrect|fails?|too|also|negative|dozens?|score|factorial"
    r"|root|nope|gross|bn|octal|hexadecimal|reciprocal|doubled|tripled|half|halves|quarters?|(?:third|fourth|fifth|eighth|ninth|twelfth)s?|tausend|mil"
    r"|when|where|with|for|by|since|such|st|nd|rd|th|o(?! ?')|ou|oder|und|et|e|mille|mill(?:on|ion|iard)\w+"
    r"|dutzend|não|ダース|тысяч\w*|милли\w+|или|не"
    rf"|(?:{'|'.join(_FRACTIONS)})s?|(?:{'|'.join(WORDS)})s?|{DOUBT}|i (?:think|believe)|(?:even|odd|prime)\Z)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\A(?:(?:such|different|distinct|possible|total|valid) )+(?=[a-z])", re.IGNORECASE)
"""What says of counted things that they are counted: ``such triples``."""
_DIRECTION = re.compile(r" (?:(?:to|toward|towards) the|due) (?=(?:left|right|north|south|east|west)\b)")
_MATHS = {name.lower() for name in (GREEK | FUNCTIONS) - {"deg"}} | vocabulary(
    "infinity infty coth squared cubed floor ceil ceiling binom cdot frac sqrt root sum prod integral choose undefined"
)
"""Words of mathematics, which are never counted things."""
_DEGREES = re.compile(r"(?:\^\{\\circ\}|(?i:degrees?) ) ?(?P<scale>[CF]|(?i:celsius|fahrenheit))?")
_SCALE = re.compile(r" ?\^\{\\circ\} ?([CF])\b")
_SQUARE = re.compile(r"(?i)(?<![a-z])(?:(square |sq\.? |平方)|(?:cubic |cu\.? |立方))([a-z]+|[\u4e00-\u9fff]+)")
_POWER = re.compile(r" ?\^ ?\{? ?(-?[1-9])(?: ?\})?|(?<=[a-z]{3}) (squared|cubed)\b")
_FACTOR = re.compile(r"([A-Za-zΩ$€£¥₹¢%\u4e00-\u9fff]+\.?|M_\{?\\odot\}?)(?:\^(-?[1-9]))?")
_HAN_NUMBER = re.compile("^的|[是错一二三四五六七八九十百千万亿半倍成折打对双或且和与到至不多余分之以约第]")
_MODULUS = re.compile(r"\(? ?mod ?\{? ?(\w+) ?\}? ?\)?")
_TIMES = re.compile(r" ?(?:\\cdot(?![A-Za-z])|\*) ?|(?<=[A-Za-z])-(?=[A-Za-z])| ")  # newton-metres
_PER = re.compile(r" ?/ ?| per ")
_PHRASE = re.compile(r"[A-Za-zÀ-ſЀ-ӿΩ]+(?:[ '-]+[A-Za-zÀ-ſЀ-ӿ]+){0,6}|[\u4e00-\u9fff]{1,4}|[ァ-ヿ]{2,9}")


def read_unit(tokens: Sequence[Token]) -> str | None:
    """The unit that ``tokens`` are, or None."""
    if len(tokens) > MAX_UNIT or has_any(tokens, "relation", "dots", "infinity", "field", "empty", "function"):
        return None
    is_worded = any(token.is_worded for token in tokens) or has_any(tokens, "command", "degree")
    is_worded = is_worded or any(token.kind == "name" and len(str(token.value)) > 1 for token in tokens)
    text = _OF_NAMES.sub("", _spelt(tokens))
    return unit_of(text, is_worded, tokens[0].is_spaced or tokens[0].is_worded)


def _spelt(tokens: Sequence[Token]) -> str:
    r"""A unit as text: ``m/s^2``, ``\frac`` as a slash."""
    text, at = "", 0
    while at < len(tokens):
        token = tokens[at]
        if token.is_("command", "frac"):
            middle = group_end(tokens, at + 1)
            end = group_end(tokens, middle)
            text += f" {_spelt(tokens[at + 2 : middle - 1])}/{_spelt(tokens[middle + 1 : end - 1])}"
            at = end
            continue
        shown = latex((token,)) if token.kind == "number" else _SYMBOLS.get(str(token.value), str(token.value))
        is_micro = at > 0 and tokens[at - 1].value == "mu"
        is_glued = is_micro or shown in "^_/.{}-'*Ω" or text[-1:] in "^_/{-("
        text += " " * (not is_glued and (token.is_spaced or token.kind in ("word", "name"))) + shown
        at += 1
    return text.strip()


def unit_of(text: str, is_worded: bool, has_space: bool) -> str | None:
    r"""The unit that ``text`` spells, '' for none, None where it is no unit.

    Args:
        is_worded: It stands in ``\text{}`` or the like. Elsewhere a lone letter is a unit only after a space, as ``5x``
            is a product, and only words of four letters or more are things, as ``5 xy`` may be a product.
        has_space: A space parts it from the number.
    """
    if sign := _SIGNS.get(text.lower()):
        return sign
    if degrees := _DEGREES.fullmatch(text):
        return {"c": "celsius", "f": "fahrenheit"}.get((degrees["scale"] or "")[:1].lower(), "degree")
    if modulus := _MODULUS.fullmatch(text):
        return f"mod {modulus[1]}"
    text = _DIRECTION.sub(" ", text)
    if _NOT_UNITS.search(_COUNTED.sub("", text)):
        return None
    if text.startswith("% "):  # 60% alcohol
        thing = _thing(text[2:], is_worded, has_space=True)
        return thing and f"% {thing}"
    text = re.sub(r"\Ams(?= ?\^ ?\{? ?-)", "m s", text)
    text = _SQUARE.sub(_area, _SCALE.sub(r" deg\1", text))
    text = _POWER.sub(lambda power: f"^{power[1] or {'squared': 2, 'cubed': 3}[power[2]]}", text)
    is_clear = re.search(r"\^-|\AN ?\* ?m\Z", text) or any(_known(name) for name in re.findall("[A-Za-z]{2,}", text))
    # m s^{-2}, mol/(L s); but N m may be a product of letters.
    is_product = is_worded or (has_space and bool(is_clear))
    parts = [_factors(part.removeprefix("(").removesuffix(")"), is_product, has_space) for part in _PER.split(text)]
    return _product(parts) if all(parts) else _thing(text, is_worded, has_space)


def _area(found: re.Match[str]) -> str:
    """``cm^2`` of ``sq. cm``; ``square tiles`` are things."""
    return f"{found[2]}^{2 if found[1] else 3}" if _known(found[2]) else found[0]


def may_be_same_unit(gold: str, answer: str) -> bool:
    """Whether two units are one, as far as they are written: one alone may be left out, but no base of a number.

    One may begin with the words of the other, ``apple in total`` and ``apple``, or be its price.
    """
    if gold == answer:
        return True
    if BASE in gold + answer:
        return False
    if gold.startswith(_MONEY) and ("/" in gold) != ("/" in answer):
        gold, answer = gold.partition("/")[0], answer.partition("/")[0]
    return not gold or not answer or f"{gold} ".startswith(f"{answer} ") or f"{answer} ".startswith(f"{gold} ")


def _product(parts: list[dict[str, int]]) -> str:
    """One spelling for the units of the first part over those of the others: ``m/s^2``, ``kg*m/s^2``."""
    powers = Counter(parts[0])
    for part in parts[1:]:
        powers.subtract(part)
    above = [unit + (f"^{power}" if power > 1 else "") for unit, power in sorted(powers.items()) if power > 0]
    below = [unit + (f"^{-power}" if power < -1 else "") for unit, power in sorted(powers.items()) if power < 0]
    return "*".join(above) + "".join(f"/{unit}" for unit in below)


def _factors(text: str, is_product: bool, has_space: bool) -> dict[str, int]:
    r"""The units in ``N\cdot m`` or ``m s^{-2}`` and their powers; none where a factor is no unit.

    Args:
        is_product: A dot or a space multiplies, and a short word is a counted thing.
    """
    written = _TIMES.split(text.strip()) if is_product else [text.strip()]
    factors = [*map(_FACTOR.fullmatch, written)]
    if not all(factor and _known(factor[1]) for factor in factors) and _PHRASE.fullmatch(text):
        thing = _thing(text, is_product, has_space)
        return {thing: 1} if thing else {}
    powers: Counter[str] = Counter()
    for factor in factors:
        if factor is None:
            return {}
        name, exponent = factor.groups()
        unit = _known(name) or (_thing(name, is_product, has_space) if is_product else None)
        is_attached = _singular(name, 4) in _ATTACHED or _PREFIXED.fullmatch(name) or not name.isascii()
        if not unit or not (is_product or has_space or is_attached):
            return {}
        power = int(exponent or 1)
        above, _, below = unit.partition("/")  # of mph
        for each in above.split("*"):  # of Nm
            powers[each] += power
        if below:
            powers[below] -= power
    return powers


def _thing(text: str, is_worded: bool, has_space: bool) -> str | None:
    """``red ball`` of ``Red balls``: the name of a counted thing in one spelling; None for no such name."""
    text = _COUNTED.sub("", text)
    words = text.replace("-", " ").split()
    if not _PHRASE.fullmatch(text) or not _MATHS.isdisjoint(text.lower().split()):
        return None
    if not text.isascii():
        return None if _HAN_NUMBER.search(text) else text
    longest = max(map(len, words))
    if not (is_worded and longest > 1) and not (has_space and (longest >= 4 or (longest > 1 and len(words) > 2))):
        return None
    return " ".join(_known(word) or _singular(word, 4 if len(words) == 1 else 3) for word in words)


def _known(name: str) -> str | None:
    """``km`` of ``kilometers``, None for a name that is no unit."""
    lowered = name.lower()
    if prefixed := _PREFIXED.fullmatch(lowered):
        unit = _known(prefixed[2])
        return unit and _PREFIXES[prefixed[1]] + unit
    spellings = (name, name.removesuffix(".") if len(name) < 4 else lowered, _singular(name, 4))
    return next(filter(None, map(_UNITS.get, spellings)), None)


def _singular(word: str, shortest: int) -> str:
    """``word`` in the singular and lower case; unchanged if shorter than ``shortest``, as it may be a symbol."""
    return word if len(word) < shortest else re.sub(r"(?<=ss|sh|ch|.x)es\Z|(?<!s)s\Z", "", word.lower())
