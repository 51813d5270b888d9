import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.verifier.expressions.algebra import parse
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.text.lexer import lex

OPERATORS = {"+": "+", "-": "-", r" \cdot ": "*", "*": "*", "/": "/"}


def evaluate(text: str) -> Fraction | None:
    node = parse(lex(text))
    return None if node is None else exact(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"1\frac{1}{2}+1", Fraction(5, 2)),
        (r"\lfloor 3.7 \rfloor + \max(2, 5)", Fraction(8)),
        (r"\frac{3}{4}+\frac{1}{4}", Fraction(1)),
        ("2^{10}", Fraction(1024)),
        ("-8^2", Fraction(-64)),
        ("(-8)^2", Fraction(64)),
        ("2^{-3}", Fraction(1, 8)),
        ("2^{3^{2}}", Fraction(512)),
        (r"\binom{5}{2}", Fraction(10)),
        (r"\frac{10!}{3! * 7!}", Fraction(120)),
        (r"\sqrt{16}", Fraction(4)),
        (r"\sqrt[3]{\frac{27}{8}}", Fraction(3, 2)),
        ("4^{3/2}", Fraction(8)),
        ("2(3+4)", Fraction(14)),
        (r"12 \div 4 \times 2", Fraction(6)),
        ("--5", Fraction(5)),
        ("(-1)^{1000001}", Fraction(-1)),
        (r"\sqrt[3]{0}", Fraction(0)),
        (r"\sqrt[5]{7^{105}}", Fraction(7**21)),
        (r"\frac{2021!}{2020!}", Fraction(2021)),
        ("2^{9999}-2^{9998}", Fraction(2**9998)),
    ],
)
def test_rational_arithmetic_is_exact(text: str, value: Fraction) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1/0",
        "0^{0}",
        "0^{-1}",
        r"\sqrt{2}",
        r"\sqrt{-4}",
        "(-8)^{1/3}",
        "1 2",
        "(1",
        "1)",
        "{1]",
        "9^{9^{9}}",
        "3001!",
        "(5!)!!!",
        "2^{99999}",
        r"\binom{99999}{3}",
        "(" * 90 + "1" + ")" * 90,
        "1+" * 300 + "1",
        "(-1)!",
    ],
)
def test_what_is_not_rational_or_too_large_is_left_open(text: str) -> None:
    started = time.process_time()
    assert evaluate(text) is None
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    "text",
    [
        "+".join(rf"\sqrt{{4^{{{n}}}}}" for n in range(2610, 2631)),
        r"\sqrt[3]{7^{9999}}",
        r"\cdot ".join([r"\frac{2999!}{2998!}"] * 30),
        "+".join(["3000!"] * 90),
    ],
)
def test_bounds_keep_it_within_milliseconds(text: str) -> None:
    started = time.process_time()
    evaluate(text)
    assert time.process_time() - started < 0.2


@given(st.integers(0, 10**60), st.integers(2, 9))
def test_roots_are_exact(root: int, degree: int) -> None:
    assert evaluate(rf"\sqrt[{degree}]{{{root**degree}}}") == root
    assert evaluate(rf"\sqrt[{degree}]{{{root**degree + 2}}}") is None


@given(st.lists(st.tuples(st.sampled_from(list(OPERATORS)), st.integers(1, 99)), max_size=6), st.integers(1, 99))
def test_it_agrees_with_python_on_integers(steps: list[tuple[str, int]], first: int) -> None:
    latex, python = str(first), f"Fraction({first})"
    for operator, number in steps:
        latex += f"{operator}{number}"
        python += f"{OPERATORS[operator]}Fraction({number})"
    assert evaluate(latex) == eval(python)
