from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.verifier.answers.reading import read
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import Several, Value

INTEGERS = st.integers(min_value=-(10**40), max_value=10**40)


def same(gold: str, answer: str) -> bool:
    return Comparison().same(read(gold).tree, read(answer).tree) is True


def spellings(number: int) -> list[str]:
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    grouped = f"{abs(number):,}"
    return [
        f"{sign}{digits}",
        f"${sign}{digits}$",
        f" {sign} {digits} ",
        f"{sign}00{digits}",
        f"{sign}{digits}.",
        f"{sign}{digits}.000",
        f"{sign}{grouped}",
        sign + grouped.replace(",", "{,}"),
        sign + grouped.replace(",", r"\,"),
        sign + grouped.replace(",", " "),
        sign + grouped.replace(",", r",\!"),
        rf"\frac{{{sign}{digits}}}{{1}}",
        rf"{sign}\dfrac{{{digits}}}{{1}}",
        f"{sign}{digits}/1",
        rf"{sign}{digits} \text{{ apples}}",
        f"\u2212{digits}" if number < 0 else f"+{digits}",
        digits.translate({ord("0") + i: 0xFF10 + i for i in range(10)}) if number >= 0 else f"{sign}{digits}",
    ]


@given(INTEGERS)
def test_every_spelling_of_an_integer_is_that_integer(number: int) -> None:
    for spelling in spellings(number):
        assert same(str(number), spelling), spelling
        assert same(spelling, str(number)), spelling


@given(INTEGERS, st.integers(min_value=-3, max_value=3).filter(bool), st.integers(min_value=0, max_value=16))
def test_neighbouring_integers_differ_in_every_spelling(number: int, offset: int, index: int) -> None:
    assert not same(str(number), spellings(number + offset)[index])


@given(INTEGERS, st.integers(min_value=1, max_value=10**12), st.integers(min_value=2, max_value=50))
def test_a_fraction_equals_its_expansion_and_no_neighbour(top: int, bottom: int, factor: int) -> None:
    gold = rf"\frac{{{top}}}{{{bottom}}}"
    assert same(gold, rf"\frac{{{factor * top}}}{{{factor * bottom}}}")
    assert not same(gold, rf"\frac{{{factor * top + 1}}}{{{factor * bottom}}}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("½", Fraction(1, 2)),
        (r"1\frac{3}{4}", Fraction(7, 4)),
        (r"-1\frac{3}{4}", Fraction(-7, 4)),
        ("1 3/4", Fraction(7, 4)),
        (".5", Fraction(1, 2)),
        ("2.5e3", Fraction(2500)),
        (r"2.5 \times 10^{-3}", Fraction(1, 400)),
        ("10^6", Fraction(10**6)),
        (r"\frac12", Fraction(1, 2)),
        (r"\$12.50", Fraction(25, 2)),
        (r"1{,}234.5", Fraction(2469, 2)),
    ],
)
def test_notations_are_read_exactly(text: str, value: Fraction) -> None:
    tree = read(text).tree
    assert isinstance(tree, Value) and exact(tree.node) == value


@pytest.mark.parametrize(
    "text", ["5x", "5m", "1/0", "2,3", "1.2.3", "x", "5 or 6", "1e999999", "1,23", "5 sin", "9" * 5000]
)
def test_anything_else_is_not_a_number(text: str) -> None:
    tree = read(text).tree
    assert not (isinstance(tree, Value) and exact(tree.node) is not None)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (r"\sqrt{2} \text{ cm}", ["cm"]),
        (r"16\pi cm^{2}", ["cm^2"]),
        (r"2\pi square feet", ["ft^2"]),
        (r"10\text{ km}, 2\text{ h}", ["km", "h"]),
        (r"20^{\circ}, 70^{\circ}", ["degree", "degree"]),
        (r"2\text{ h }30\text{ min}", ["h", "min"]),
        ("2 h 30 min", ["h", "min"]),
        (r"\sin 30^{\circ}", [""]),
    ],
)
def test_every_value_has_its_unit(text: str, units: list[str]) -> None:
    tree = read(text).tree
    items = tree.items if isinstance(tree, Several) else (tree,)
    assert [item.unit for item in items if isinstance(item, Value)] == units
