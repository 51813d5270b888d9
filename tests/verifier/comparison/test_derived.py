"""Wrong answers derived from right ones: near values, slips of the pen and guesses, in many notations."""

from collections.abc import Iterator
from fractions import Fraction

from dgpo.verifier import verify

GOLDS = {
    "7": Fraction(7),
    "-12": Fraction(-12),
    "42": Fraction(42),
    "100": Fraction(100),
    "1024": Fraction(1024),
    "10,000": Fraction(10_000),
    "1234567": Fraction(1_234_567),
    r"2^{40}": Fraction(2**40),
    "10^{12}": Fraction(10**12),
    r"\binom{12}{5}": Fraction(792),
    "6!": Fraction(720),
    "0.5": Fraction(1, 2),
    "3.14": Fraction(314, 100),
    "12.345": Fraction(12_345, 1000),
    "-0.08": Fraction(-8, 100),
    r"\frac{1}{3}": Fraction(1, 3),
    r"-\frac{22}{7}": Fraction(-22, 7),
    r"\frac{355}{113}": Fraction(355, 113),
    "3/8": Fraction(3, 8),
    r"5\frac{2}{3}": Fraction(17, 3),
    r"0.\overline{27}": Fraction(3, 11),
    r"\frac{1}{2}+\frac{1}{5}": Fraction(7, 10),
    r"6.25 \times 10^{-3}": Fraction(625, 100_000),
    r"\$12.50": Fraction(1250, 100),
    r"75\%": Fraction(75, 100),
    "18 cm": Fraction(18),
    "45^\\circ": Fraction(45),
    "x = 17": Fraction(17),
}


def near(value: Fraction) -> Iterator[Fraction]:
    yield from (value + 1, value - 1, -value, 10 * value, value / 10, 2 * value, value + Fraction(1, 2))
    yield from (value * Fraction(1001, 1000), value * Fraction(999, 1000), value * Fraction(10_001, 10_000), 1 / value)
    digits = str(abs(value.numerator))
    for index in range(min(len(digits) - 1, 4)):
        swapped = digits[:index] + digits[index + 1] + digits[index] + digits[index + 2 :]
        yield Fraction(int(swapped), value.denominator)
    yield Fraction(int(digits + "0"), value.denominator)
    yield Fraction(value.denominator, 1) + value.numerator


def notations(value: Fraction) -> Iterator[str]:
    """Spellings of exactly ``value``."""
    sign, top, bottom = ("-" if value < 0 else ""), abs(value.numerator), value.denominator
    yield from (rf"{sign}\frac{{{top}}}{{{bottom}}}", f"{sign}{top}/{bottom}", f"{sign}{2 * top}/{2 * bottom}")
    if bottom == 1:
        yield from (f"{sign}{top}", f"{sign}{top:,}", f"x = {sign}{top}", f"{sign}{top}.0", f"{sign}{top}e0")
    elif top > bottom:
        yield rf"{sign}{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}"
    if bottom > 1 and 10**8 % bottom == 0:
        digits = f"{top * (10**8 // bottom):09d}"
        yield from (f"{sign}{digits[:-8]}.{digits[-8:]}", rf"{sign}{digits} \times 10^{{-8}}")


def wrong_pairs() -> list[tuple[str, str]]:
    pairs = []
    for gold, value in GOLDS.items():
        readings = {value, value / 100, value * 100} if "%" in gold else {value}
        for wrong in near(value):
            pairs += [(gold, spelling) for spelling in notations(wrong) if wrong not in readings]
    return list(dict.fromkeys(pairs))


def test_no_near_value_is_accepted_in_any_notation() -> None:
    pairs = wrong_pairs()
    assert len(pairs) >= 600
    assert [pair for pair in pairs if verify(pair[1], pair[0], mode="answer", timeout=20.0)] == []


def test_the_same_notations_of_the_right_value_are_accepted() -> None:
    pairs = [(gold, spelling) for gold, value in GOLDS.items() for spelling in notations(value)]
    assert len(pairs) >= 100
    assert [pair for pair in pairs if not verify(pair[1], pair[0], mode="answer", timeout=20.0)] == []


def test_a_percent_is_guessed_only_where_it_is_written() -> None:
    for gold, value in GOLDS.items():
        if "%" in gold:
            continue
        for guess in (value * 100, value / 100):
            assert not verify(f"{guess.numerator}/{guess.denominator}", gold, mode="answer")
