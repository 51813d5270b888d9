import time

import pytest

from dgpo.verifier.conditions import may_have_domain, split_domain
from dgpo.verifier.normalise import clean


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"-4 \text{ at } x=2", "-4"),
        (r"6 \text{ (when } x=5)", "6"),
        (r"7 \text{ with equality iff } a=b", "7"),
        (r"f(x)=6, \text{ attained at } x=5", "f(x)=6"),
        (r"2n\pi, n \in \mathbb{Z}", r"2k\pi"),
        (r"n=6m+1, m \in \mathbb{N}", "n=6k+1"),
    ],
)
def test_a_place_and_a_counter_are_left_out(text: str, value: str) -> None:
    assert clean(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "3 if x>0, 5 if x<0",
        "3 if n=1, otherwise 5",
        "(x,y) with x+y=2",
        "all primes p with p>5",
        "True if n=2",
        "at x=2",
    ],
)
def test_several_values_and_descriptions_of_sets_stay_whole(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "formula", "domain"),
    [
        (r"2^{n} for n \ge 1", "2^{n}", r"n\ge1"),
        (r"f(x)=x \forall x \in \mathbb{R}", "f(x)=x", r"x\in\mathbb{R}"),
        ("f(x)=x+1 for all real x", "f(x)=x+1", "x"),
        (r"x+1, x \ne 0", "x+1", r"x\ne0"),
        ("x, x>2", "x, x>2", ""),
        ("(2, x)", "(2, x)", ""),
        ("1, x+1, x>2", "1, x+1, x>2", ""),
    ],
)
def test_a_formula_and_its_domain(text: str, formula: str, domain: str) -> None:
    assert split_domain(text) == (formula, domain)


def test_hostile_conditions_cost_milliseconds() -> None:
    started = time.monotonic()
    for text in (
        "x if x=" * 150,
        ", (" * 300 + "x>2",
        r"x \in " * 160,
        "for all " * 120 + "x",
        "x<" * 500,
        "=if" * 300,
    ):
        clean(text)
        assert may_have_domain(text) in (True, False)
        split_domain(text)
    assert time.monotonic() - started < 0.5
