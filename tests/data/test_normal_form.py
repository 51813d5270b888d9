import pytest

from dgpo.data.normal_form import normal_form

SAME = [
    (r"Find $\dfrac12 + x^{2}$.", r"find  \frac12+x^2"),
    (r"Let \(f(x)\) be \left( 1, 2 \right)", "Let $f(x)$ be (1 , 2)"),
    (r"Is \[a \le b\]?", "is a \\le b"),
    ("Number \uff11\uff12", "number 12"),
    ("x² + y₁₂ = 10⁶ cm³", "$x^2 + y_{12} = 10^6$ cm^{3}"),
    ("It is 3. Why?", "It is 3 why"),
]
DIFFERENT = [
    *[("1+2", "1-2"), ("3.5", "35"), ("f(12)", "f(1,2)"), ("f'(x)", "f(x)"), ("5!", "5"), ("x_1", "x^1")],
    *[("2²", "22"), ("10⁻²", "10-2"), ("a₁", "a1"), ("x¹²", "x¹2"), ("x²", "x₂"), ("2½", "21⁄2")],
    *[("x=.25", "x=25"), (".5 of 3", "5 of 3")],
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_layout_case_and_punctuation_do_not_tell_problems_apart(left: str, right: str):
    assert normal_form(left) == normal_form(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_what_changes_a_problem_does(left: str, right: str):
    assert normal_form(left) != normal_form(right)


def test_a_problem_without_any_token_is_itself():
    assert normal_form(" $.$ ") == "$.$"
