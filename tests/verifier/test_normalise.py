import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.verifier.ascii_math import to_latex
from dgpo.verifier.normalise import clean, key
from dgpo.verifier.words import choice


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\left( 1, 2 \right)", "(1,2)"),
        (r"\dfrac{1}{2}", r"\frac12"),
        (r"$x + 1$", "x+1"),
        (r"\( x+1 \)", "x+1"),
        (r"x\,+\;1", "x + 1"),
        (r"x \leq 3", "x ≤ 3"),
        (r"\text{even}", "even"),
        (r"x^2", "x^{2}"),
        (r"\displaystyle x", "x."),
        (r"{{x}}", "x"),
    ],
)
def test_layout_does_not_change_the_key(one: str, other: str) -> None:
    assert key(clean(one)) == key(clean(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 2", "12"),
        (r"\pi r", r"\pir"),
        ("x^{12}", "x^{1}2"),
        ("(1,2)", "[1,2]"),
        (r"\{1,2\}", "1,2"),
        ("X", "x"),
        (r"\begin{matrix}1\\ 2\end{matrix}", r"\begin{matrix}1 2\end{matrix}"),
        ("0.333...", "0.333"),
        ("{1}{2}", "12"),
    ],
)
def test_what_matters_stays_in_the_key(one: str, other: str) -> None:
    assert key(clean(one)) != key(clean(other))


@given(st.text(alphabet=r"\{}()[]$^_, .!%019xabfrct°½", max_size=60))
def test_cleaning_never_raises_and_never_grows_much(text: str) -> None:
    assert len(clean(text)) <= 13 * len(text)


def test_choice_letters() -> None:
    assert [choice(text) for text in ("B", "(b)", "B.", "B) 12", "(B) Paris", r"\text{B}", "B Paris")] == ["B"] * 7
    assert [choice(text) for text in ("A B C D", "A. B. C.", "D = (0,1)", "2B", "B*2", "Be", "")] == [None] * 7


@pytest.mark.parametrize(
    ("program", "latex"),
    [
        ("x**(1/2)", "x^{1/2}"),
        ("sqrt(2*(x+1))", r"\sqrt{2 \cdot (x+1)}"),
        ("sin(pi/2)", r"\sin(\pi /2)"),
        (r"\sin(x)", r"\sin(x)"),
        ("sqrt(2", r"\sqrt(2"),
        ("spin", "spin"),
    ],
)
def test_program_notation_becomes_latex(program: str, latex: str) -> None:
    assert to_latex(program) == latex
