import pytest

from dgpo.verifier.grading import grade


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}", "mismatch"),
        (r"\sqrt{7+4\sqrt{3}}", r"2+\sqrt{3}", "match"),
        ("3", "(1)(3)", "match"),
        ("6", "2(3)", "match"),
        (r"\sqrt{2}", "1.41421356", "match"),
        (r"\sqrt{2}", "1.4142", "mismatch"),
        (r"\sqrt{2}", r"\sqrt{2.000000001}", "match"),
        ("3", r"\sqrt{9.00000001}", "mismatch"),
        (r"\sin^2 x + \cos^2 x", "1", "match"),
        (r"\sqrt{x^2}", "x", "mismatch"),
        ("|x|", "x", "mismatch"),
        (r"\ln|x|", r"\ln x", "mismatch"),
        (r"x^{\frac{2}{3}}", r"\sqrt[3]{x^2}", "match"),
        ("i^2", "-1", "match"),
        (r"\lfloor x \rfloor", "x", "mismatch"),
        (r"\frac{x^2-1}{x-1}", "x+1", "match"),
        (r"\lceil x \rceil", r"\lfloor x \rfloor + 1", "mismatch"),
        (r"\lceil n/2 \rceil", r"\lfloor n/2 \rfloor + 1", "mismatch"),
        (r"\lceil n/2 \rceil", r"\lfloor (n+1)/2 \rfloor", "match"),
        (r"\lceil x/2 \rceil", r"\lfloor (x+1)/2 \rfloor", "mismatch"),
        (r"\lfloor x \rfloor + 2", r"\lfloor x + 2 \rfloor", "match"),
        ("1+e^{-200}", "1", "mismatch"),
        ("n^{2020}+1", "n^{2020}", "mismatch"),
        (r"\cos(10^{-30})", "1", "mismatch"),
        (r"(2+\sqrt{3})^{100}+(2-\sqrt{3})^{100}", r"(2+\sqrt{3})^{100}-(2-\sqrt{3})^{100}", "mismatch"),
        (r"\sqrt{2}\%", r"2^{1/2}\%", "match"),
        ("x", r"\frac{", "unparsed"),
        (r"\frac{", "x", "bad_gold"),
    ],
)
def test_equality_by_value(gold: str, answer: str, outcome: str) -> None:
    assert grade(gold, answer) == outcome
