import time

import pytest

from dgpo.verifier.normalise import clean


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        (r"\begin{cases} x = 1 \\ y = 2\end{cases}", "x = 1, y = 2"),
        (r"\left\{\begin{array}{l} x_1=1, \\ x_2=2. \end{array}\right.", "x_{1}=1, x_{2}=2"),
        (r"\begin{aligned} a &= \frac12 \\ b &= 2\end{aligned}", r"a = \frac{1}{2}, b = 2"),
    ],
)
def test_a_system_is_a_list(text: str, listed: str) -> None:
    assert clean(text).replace("  ", " ") == listed


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{cases} x & x>0 \\ 0 & x \le 0\end{cases}",
        r"\begin{cases} x = 1 \text{ if } a = 2\end{cases}",
        r"\begin{array}{c} 1 \\ 2\end{array}",
        r"\begin{cases} x+y = 1 \\ x-y = 2\end{cases}",
    ],
)
def test_functions_by_cases_and_matrices_are_none(text: str) -> None:
    assert clean(text) == text


def test_hostile_environments_cost_milliseconds() -> None:
    started = time.monotonic()
    for text in (r"\begin{cases}" * 70, r"\begin{cases}" + "x=" * 400 + r"\end{cases}", r"\begin{cases}x=1\\" * 50):
        clean(text)
    assert time.monotonic() - started < 0.2
