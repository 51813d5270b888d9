import pytest

from dgpo.verifier.expressions.quantities import read_value
from dgpo.verifier.expressions.tree import Value
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.numerals import read_words


def unit_of(text: str) -> str | None:
    """The unit of ``12`` with ``text`` behind it; None where that is no number with a unit."""
    value = read_value(lex(f"12{text}"))
    return value.unit if isinstance(value, Value) and value.node == 12 else None


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", ""),
        ("%", "%"),
        ("cm", "cm"),
        (r" \text{ centimeters}", "cm"),
        (r"\text{ sq. cm}", "cm^2"),
        (" square feet", "ft^2"),
        (r"\mathrm{m/s^{2}}", "m/s^2"),
        (" miles per hour", "mi/h"),
        (" mph", "mi/h"),
        (" dollars", "$"),
        ("^{\\circ}", "degree"),
        (r"^{\circ}\text{C}", "celsius"),
        (" apples", "apple"),
        (r"\pmod{7}", "mod 7"),
        (" (mod 7)", "mod 7"),
        (r"\text{ MW}", "MW"),
        (r"\text{ mW}", "mW"),
        (r"\text{ k}\Omega", "kΩ"),
        (" Hours", "h"),
        (r"\text{ Red balls}", "red ball"),
        (" light years", "light year"),
        (r"\text{ per day}", "per day"),
        (r"\text{ apples per day}", "apple/day"),
        (r"\text{ erg cm}^{-2}\text{ s}^{-1}", "erg/cm^2/s"),
        (r"\text{ (units)}", "unit"),
        (" degrees Celsius", "celsius"),
        (" of the pie", "of the pie"),
        ("平方厘米", "cm^2"),
        ("个", "个"),
    ],
)
def test_units_have_one_spelling(text: str, unit: str) -> None:
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    "text",
    [
        *("x", "m", "s", "t", "x cm", " - 1", r"\sqrt{2}", " sin", " million"),
        *(" xy", " pi", " dx", " alpha", " infinity", r"\mathrm{e}", r"\text{th}", r"\text{ hundredths}", " score"),
        *(r"\text{ when }", "万", "倍", " (m)"),
    ],
)
def test_variables_operators_and_hedges_are_no_units(text: str) -> None:
    assert unit_of(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("seven", 7),
        ("Forty-two", 42),
        ("one hundred and five", 105),
        ("three thousand two hundred", 3200),
        ("two million", 2_000_000),
        ("one two", None),
        ("one and two", None),
        ("two lakh", 200_000),
        ("hundred", None),
        ("seven or eight", None),
        ("seventh", None),
        ("", None),
        ("one, two", None),
    ],
)
def test_numbers_in_words(text: str, number: int | None) -> None:
    assert read_words(text) == number
