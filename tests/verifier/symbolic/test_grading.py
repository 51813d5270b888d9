import pytest

from dgpo.verifier.symbolic.grading import grade


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        ("3", "(1)(3)", "match"),
        ("6", "2(3)", "match"),
        (r"\int_0^1 x^2 dx", r"\frac{1}{3}", "match"),
        (r"\sum_{k=1}^{10} k", "55", "match"),
        (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2", "match"),
        ("2x+4y=6", "x+2y=3", "match"),
        ("2x+4y=6", "x+2y=6", "mismatch"),
        ("T+t", "2t", "mismatch"),
        (r"\frac{dy}{dx}", "0", "mismatch"),
        (r"\sqrt{2}\%", r"2^{1/2}\%", "match"),
        ("x", r"\frac{", "unparsed"),
        (r"\frac{", "x", "bad_gold"),
    ],
)
def test_what_math_verify_says(gold: str, answer: str, outcome: str) -> None:
    assert grade(gold, answer) == outcome
