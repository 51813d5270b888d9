import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.verifier import verify
from dgpo.verifier.answers.choices import choice
from dgpo.verifier.answers.reading import read
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.splitting import symbols
from dgpo.verifier.text.tokens import Unreadable


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
        ("x**(1/2)", "x^(1/2)"),
        ("sin(pi/2)", r"\sin(\pi /2)"),
        ("①", r"\textcircled{1}"),
        ("]0;1[", "(0,1)"),
        ("90^{\\circ}", "90°"),
        (r"\quadx", "x"),
        ("1{,}234", "1234"),
    ],
)
def test_layout_and_spelling_do_not_change_the_symbols(one: str, other: str) -> None:
    assert [symbol.replace(";", ",") for symbol in read(one).symbols] == list(read(other).symbols)


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
        (r"\vec a", "a"),
        (r"a\times b", r"a\cdot b"),
    ],
)
def test_what_matters_stays_in_the_symbols(one: str, other: str) -> None:
    assert read(one).symbols != read(other).symbols


@given(st.text(alphabet=r"\{}()[]$^_, .!%019xabfrct°½", max_size=60))
def test_any_text_has_symbols_or_is_unreadable(text: str) -> None:
    try:
        tokens = lex(text)
    except Unreadable:
        return
    assert len(symbols(tokens)) <= len(tokens) <= 9 * len(text)


def test_choice_letters() -> None:
    assert [choice(text) for text in ("B", "(b)", "B.", "B) 12", "(B) Paris", "B Paris")] == ["B"] * 6
    assert [choice(text) for text in ("A B C D", "A. B. C.", "D = (0,1)", "2B", "B*2", "Be", "")] == [None] * 7


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("\x0crac{1}{2}", r"\frac12"),
        ("3 \times 10^5", "300000"),
        ("\text{east}", "east"),
        ("\x08eta + \theta", r"\theta + \beta"),
        ("\\left[1, 2\right]", "[1, 2]"),
        ("x \neq 2", r"x \ne 2"),
    ],
)
def test_a_command_whose_escape_was_read_is_that_command_again(gold: str, answer: str) -> None:
    assert verify(answer, gold, mode="answer") and not verify(answer + "+7", gold, mode="answer")
