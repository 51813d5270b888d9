"""An expression of the problem is no answer, unless it is the ground truth."""

import pytest

from dgpo.verifier import verify


@pytest.mark.parametrize(
    ("problem", "gold", "echo"),
    [
        ("Compute $99^2+99+1$.", "9901", "99^2+99+1"),
        (r"Simplify $\sqrt{242}.$", r"11\sqrt2", r"\sqrt{242}"),
        (r"What is $\gcd(12,18)$?", "6", r"\gcd(12, 18)"),
        (r"Simplify $\frac{15}{25}$.", r"\frac35", r"\dfrac{15}{25}"),
        ("Expand $(x-1)(x+1)$.", "x^2-1", "y = (x-1)(x+1)"),
        ("Expand $(x-1)(x+1)$.", "x^2-1", "(x+1)(x-1)"),
        ("a) Compute $99^2+99+1$.", "9901", "0+99+1+99^2"),
        (r"Find $2^{10} \bmod 10$.", "4", r"2^{10} \bmod 10"),
        (r"Simplify $\sqrt{8}, \sqrt{18}$.", r"2\sqrt2, 3\sqrt2", r"\sqrt8, \sqrt{18}"),
        (r"What is the units digit of $7^{2023}$?", "3", r"7^{2023} \bmod 10"),
        (r"Find the greatest integer below $(\sqrt3+\sqrt2)^6$.", "969", r"\lfloor (\sqrt3+\sqrt2)^6 \rfloor"),
        ("Compute $99^2+99+1$.", "9901", r"\frac{99^2+99+1}{1}"),
        ("Compute $99^2+99+1$.", "9901", "|99^2+99+1| - 0"),
        ("Compute $99^2+99+1$.", "9901", "99^2+99+1, 99^2+99+1"),
        (r"Simplify $\sqrt{242}.$", r"11\sqrt2", r"\sqrt{242}^1"),
        ("Find $\\gcd(252, 198)$.", "18", r"\gcd(54, 198) = \gcd(252,198)"),
        ("Expand $(x-1)(x+1)$.", "x^2-1", "y = (1+x)(x-1)"),
        ("Solve for $x$: $|x-3|<5$.", "(-2, 8)", "|x-3|<5"),
        ("Solve $3x+5<2x+1$.", "x<-4", "5+3x<1+2x"),
        ("Solve the inequality $|x-3|<5$.", "(-2, 8)", r"\{x : |x-3|<5\}"),
        ("Write $2x-y+1=0$ in slope-intercept form.", "y=2x+1", "0=2x-y+1"),
        ("What circle is $x^2+y^2-2x=3$?", "(x-1)^2+y^2=4", "x^2-2x+y^2=3"),
    ],
)
def test_the_question_handed_back(problem: str, gold: str, echo: str) -> None:
    assert verify(rf"\boxed{{{echo}}}", gold, timeout=10.0).reason == "match"
    assert verify(rf"\boxed{{{echo}}}", gold, problem=problem, timeout=10.0).reason == "echo"
    assert verify(rf"\boxed{{{gold}}}", gold, problem=problem).reason == "match"


@pytest.mark.parametrize(
    ("problem", "gold", "answer"),
    [
        (r"Is it $\frac12$ or $0.25$?", "0.5", r"\frac12"),
        ("Let $f(x)=x+1$. What is $f$?", "1+x", "x+1"),
        ("He has 6 of 12.0 apples.", "12", "12.0"),
        ("Given $2x+1=5$, is it $x$ or $2x$?", "x", "x"),
        ("Compute $2+3+4$.", "3+2", "2+3"),
        ("How many are there, if $3^5$ are of one kind, and twice as many in all?", "486", r"2 \cdot 3^5"),
        (r"What is $17^2$ modulo $10$?", "9", r"9 \bmod 10"),
        ("Let $y=2x+1$ be a line. What is the line?", "1+2x=y", "y=2x+1"),
        ("If $x<2$, where is $x$?", r"(-\infty, 2)", "x<2"),
        ("For $x=5$, what is $x$?", "5=x", "x=5"),
        (r"Solve $x^2 = 2 + \sqrt2$ for its rational and irrational parts.", r"2, \sqrt2", r"\sqrt2, 2"),
    ],
)
def test_what_a_problem_may_say_of_its_answer(problem: str, gold: str, answer: str) -> None:
    assert verify(rf"\boxed{{{answer}}}", gold, problem=problem).reason == "match"
