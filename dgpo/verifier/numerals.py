r"""Numbers as they are written: ``1,234.5``, ``0.1\overline{6}``, ``2.5e3``, ``0.333...``."""

import re
from fractions import Fraction

from dgpo.verifier.tokens import Token, Unreadable

MAX_DIGITS = 1000
MAX_EXPONENT = 400
GROUPS = r"\d{1,3}(?:,\d{3})+|[1-9]\d{0,2}(?:(?:\.\d{3}){2,}|(?:'\d{3}){2,})"
GROUPS += r"|[1-9]\d{0,2}(?:(?:\{,\}|\\[!,:; ]|,\\! ?|,\{\} ?|\\!, ?| )\d{3})+"
_PERIOD = r"\\(?:overline|bar|dot) ?\{? ?(?P<period>\d+) ?\}?"
_MORE_DIGITS = re.compile(
    rf"{_PERIOD}|(?P<printed> ?(?:\.\.\.|\\l?dots|\\cdots)(?![A-Za-z]))|[eE](?P<power>[+-]?\d{{1,4}})(?![A-Za-z\d])"
)
_REPEATED = re.compile(r"(\d{1,12}?)\1+\Z")


def read_number(text: str, found: re.Match[str], is_worded: bool) -> tuple[Token, int]:
    """The number whose digits are ``found`` in ``text``, and where it ends. Raises Unreadable past the bounds."""
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
        value += _repeated(more["period"], len(decimals))
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
    """``period`` without end, behind so many decimals."""
    return Fraction(int(period), 10**places * (10 ** len(period) - 1))
