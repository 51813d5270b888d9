import time

import pytest

from dgpo.verifier.response.formulas_in_prose import Span, join, runs, spelt, whole


def values(sentence: str) -> list[str]:
    joined = join(sentence, list(runs(sentence, [])))
    return [spelt(sentence, span) for span in (whole(sentence, span) for span in joined) if span]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The answer is 5 * 3 = 15.", ["5 * 3 = 15"]),
        ("It is 2^10.", ["2^10"]),
        ("4π, 2√5 and π/3", ["4π", "2√5", "π/3"]),
        ("so 2x + 1 > 3 - 2i", ["2x + 1 > 3 - 2i"]),
        ("So log_2 8 is 3.", ["log_2 8", "3"]),
        ("the point (x, y) = (1, 2)", ["(x, y) = (1, 2)"]),
        ("(x+1)(x-2) on [0, ∞)", ["(x+1)(x-2)", "[0, ∞)"]),
        ("5! = 120", ["5! = 120"]),
        ("it is 7!", ["7"]),
        ("5 x 3 = $15", ["5×3 = 15"]),
        ("n ≡ 3 (mod 7)", ["n ≡ 3 (mod 7)"]),
        ("3 books * $5/book = $15", ["3 * 5 = 15"]),
        ("60 miles/hour x 2 hours = 120", ["60×2 = 120"]),
        ("42 plus 1", ["42 + 1"]),
        ("1 out of 6", ["1 / 6"]),
        ("negative 42", ["negative 42"]),
        ("12 m or 3 × 10^5 km/h", ["12 m", r"3 × 10^5\text{ km/h}"]),
        ("1,000.99m²", ["1,000.99 m²"]),
        ("an area of 12 cm^2", ["12 cm^2"]),
        ("5 feet 6 inches", ["5 feet 6 inches"]),
        ("3 and a half", ["3 and a half"]),
        ("price * 5 = 15", ["15"]),
        ("5 * the price", []),
        ("P(not A) = 5/8", ["P", "5/8"]),
        ("one (see 3) or [4", ["3", "4"]),
        ("He has 5 - I think - or 6", ["5", "6"]),
        ("The x-axis, A4 and COVID-19", ["x", "A4"]),
        ("12(13", ["12"]),
    ],
)
def test_a_number_comes_with_all_that_is_tied_to_it(sentence: str, expected: list[str]) -> None:
    assert values(sentence) == expected


def test_what_a_formula_covers_is_left_out() -> None:
    assert [span.text for span in runs("$5$ and 6", [Span(0, 3, "5")])] == ["6"]


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "1,", "(", "(1, ", "1 + ", "1 hours * ", "x", "- ", "√", "|", "$1", "5 cm "]
)
def test_long_sentences_are_read_in_linear_time(piece: str) -> None:
    started = time.process_time()
    values(piece * 5_000)
    assert time.process_time() - started < 2.0
