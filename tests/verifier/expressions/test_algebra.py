from fractions import Fraction

import pytest

from dgpo.verifier.expressions import algebra
from dgpo.verifier.expressions.tree import Node, Operation, subtrees
from dgpo.verifier.text.lexer import lex


def parse(text: str) -> Node | None:
    return algebra.parse(lex(text))


def names(text: str) -> list[str]:
    node = parse(text)
    assert node is not None
    return sorted({part for part in subtrees(node) if isinstance(part, str)})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\pi r^{2}", ["pi", "r"]),
        (r"\omega_{L} t", ["omega_L", "t"]),
        (r"v^{2}_{0}/g", ["g", "v_0"]),
        (r"\mathrm{e}^{x}", ["e", "x"]),
        (r"\frac{n(n+1)}{2}", ["n"]),
        (r"R+r", ["R", "r"]),
        (r"2\frac{dy}{dx}", ["dy/dx"]),
        ("xyz", ["x", "y", "z"]),
    ],
)
def test_names(text: str, found: list[str]) -> None:
    assert names(text) == found


def test_a_function_takes_what_stands_in_brackets_or_up_to_the_next_sign() -> None:
    sine = Operation("sin", (Operation("*", (Fraction(2), "x")),))
    assert parse(r"\sin 2x") == parse(r"\sin{2x}") == parse(r"\sin(2x)") == sine
    assert parse(r"\sin 2x + 1") == Operation("+", (sine, Fraction(1)))
    assert parse(r"\sin^{2} 2x") == Operation("^", (sine, Fraction(2)))
    assert parse(r"\tan^{-1} x") == parse(r"\arctan x")


@pytest.mark.parametrize(
    "text",
    [
        "f(x, y)",
        "1/2x",
        r"x/2(y+1)",
        "2 3",
        r"\sin x \cdot y",
        r"\sin x(y+1)",
        r"\ln x e^{x}",
        "the answer",
        r"\text{odd}",
        "x^{2}^{3}",
        r"\begin{matrix}1\end{matrix}",
        "x=2",
        "(1,2)",
        r"\infty",
        "x_{",
        "$5",
    ],
)
def test_what_has_no_single_reading_is_left_alone(text: str) -> None:
    assert parse(text) is None
