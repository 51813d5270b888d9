"""What holds for every answer, whatever it is."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgpo.verifier import verify
from dgpo.verifier.verdict import REASONS

TIMEOUT = 0.5
BUSY_MACHINE_SECONDS = 30.0
"""A hang takes longer; what a busy machine adds says nothing."""
MODES = ("boxed", "answer", "extract")

integers = st.integers(min_value=-999, max_value=9999)
naturals = st.integers(min_value=2, max_value=99)
fractions = st.builds(r"\frac{{{}}}{{{}}}".format, integers, naturals)
roots = st.builds(r"{}\sqrt{{{}}}".format, naturals, naturals)
numbers = st.one_of(
    integers.map(str),
    fractions,
    roots,
    st.builds("{}.{}".format, integers, naturals),
    st.builds(r"{}\%".format, naturals),
    st.builds(r"\frac{{{}\pi}}{{{}}}".format, naturals, naturals),
    st.builds("{} + {}i".format, naturals, naturals),
    st.builds(r"{}^{{{}}}".format, naturals, st.integers(2, 9)),
    st.builds(r"{} \text{{ {}}}".format, naturals, st.sampled_from(["cm", "hours", "apples"])),
)
terms = st.builds("{}{}^{{{}}}".format, naturals, st.sampled_from("xyt"), st.integers(2, 5))
expressions = st.one_of(
    st.lists(terms, min_size=1, max_size=4).map(" + ".join),
    st.builds(r"\frac{{{}}}{{{}}}".format, terms, terms),
    st.builds(r"\sin\left({}\right)".format, terms),
    st.builds(r"\ln\left({}\right)".format, terms),
)
parts = st.lists(st.one_of(numbers, expressions), min_size=2, max_size=4, unique=True)
structures = st.one_of(
    parts.map(lambda items: f"\\left({', '.join(items)}\\right)"),
    parts.map(lambda items: f"\\left\\{{{', '.join(items)}\\right\\}}"),
    parts.map(lambda items: f"\\begin{{pmatrix}} {' & '.join(items)} \\\\ {' & '.join(items)} \\end{{pmatrix}}"),
    st.builds(r"\left[{}, {}\right)".format, integers, fractions),
    st.builds(r"\left(-\infty, {}\right) \cup \left({}, \infty\right)".format, integers, integers),
    st.builds(r"x \le {}".format, fractions),
    st.builds("y = {}".format, expressions),
    st.builds(r"{} \pm {}".format, integers, roots),
)
words = st.sampled_from(["even", r"\text{no solution}", "B", r"\text{(C)}", "Tuesday", "ACD"])
answers = st.one_of(numbers, expressions, structures, words)


def respellings(answer: str) -> list[str]:
    return [
        f"${answer}$",
        f"\\({answer}\\)",
        f" {answer} .",
        f"\\boxed{{{answer}}}",
        answer.replace(r"\left", "").replace(r"\right", ""),
        answer.replace(r"\frac", r"\dfrac"),
        answer.replace(r"\frac", r"\tfrac").replace(",", r",\ "),
        answer.replace(" ", r"\,"),
        answer.replace("(", "( ").replace(")", " )").replace(",", " , "),
        answer.replace("+", " + ").replace("=", "  =  "),
        answer.replace("{", "{ ")
        .replace(r"\text{ ", r"\text{")
        .replace(r"\begin{ ", r"\begin{")
        .replace(r"\end{ ", r"\end{"),
    ]


@settings(max_examples=300)
@given(answers)
def test_every_answer_equals_itself_however_it_is_laid_out(answer: str) -> None:
    for spelling in [answer, *respellings(answer)]:
        for gold, given_ in ((answer, spelling), (spelling, answer)):
            assert verify(given_, gold, mode="answer"), (gold, given_)


@settings(max_examples=120)
@given(parts, st.randoms(use_true_random=False))
def test_the_order_counts_in_a_tuple_and_not_in_a_set(items: list[str], generator: random.Random) -> None:
    shuffled = generator.sample(items, len(items))
    set_of, tuple_of = r"\{{{}\}}".format, "({})".format
    joined, other = ", ".join(items), ", ".join(shuffled)
    assert verify(set_of(other), set_of(joined), mode="answer")
    moved = [pair for pair in zip(items, shuffled, strict=True) if pair[0] != pair[1]]
    if not all(verify(given_, wanted, mode="answer", timeout=20.0) for wanted, given_ in moved):  # as 4 and 2^{2} are
        assert not verify(tuple_of(other), tuple_of(joined), mode="answer", timeout=20.0)


@settings(max_examples=80)
@given(st.one_of(numbers, expressions), st.one_of(numbers, expressions))
def test_without_decimals_and_hedges_equality_is_symmetric(one: str, other: str) -> None:
    if "." in one + other:
        return
    forward, backward = (verify(*pair, mode="answer", timeout=20.0) for pair in ((one, other), (other, one)))
    assert bool(forward) == bool(backward)


@settings(max_examples=60)
@given(st.lists(terms, min_size=2, max_size=4), naturals)
def test_a_sum_in_another_order_is_the_same_and_with_a_constant_is_not(items: list[str], constant: int) -> None:
    gold = " + ".join(items)
    assert verify(" + ".join(reversed(items)), gold, mode="answer", timeout=20.0)
    assert not verify(f"{gold} + {constant}", gold, mode="answer", timeout=20.0)


LATEX = r"""
\frac \boxed{ { } ^ _ \left( \right) $ 1 x = \pm , % ! \sqrt \text{ or [ ] \begin{pmatrix} \end{pmatrix} & \\ . -
\cup ∞ ½ answer is \{ \} < \le | : \infty e i \int \sum ² ٣
"""
PIECES = [*LATEX.split(), "9" * 40, "\n", " ", "\u202e", "\x00"]
soups = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(soups, st.sampled_from(["12", "x+1", "(1,2)", r"\{1,2\}", "B", r"x \le 3", r"\begin{pmatrix}1\\2\end{pmatrix}"]))
def test_a_soup_of_characters_never_raises_and_keeps_the_deadline(soup: str, gold: str) -> None:
    for mode in MODES:
        started = time.monotonic()
        verdict = verify(soup, gold, mode=mode, timeout=TIMEOUT)
        assert verdict.reason in REASONS
        assert time.monotonic() - started < TIMEOUT + BUSY_MACHINE_SECONDS


@settings(max_examples=150)
@given(soups)
def test_a_soup_as_the_gold_is_bad_or_equals_itself(soup: str) -> None:
    for mode in MODES:
        verdict = verify(soup, soup, mode=mode)
        assert mode != "answer" or verdict.reason in ("match", "bad_gold", "no_answer")


@pytest.mark.parametrize(
    "piece", ["(", "{", r"\sqrt{", r"\frac{1}{", "[", r"\{", "-", "1+", "!", r"\left(", "^{", "a,", r"\text{a}"]
)
@pytest.mark.parametrize("gold", ["5", "x+1", "(1,2)", r"\{1,2\}"])
def test_deep_and_long_answers_are_decided_at_once(piece: str, gold: str) -> None:
    for count in (50, 300, 900, 100_000):
        text = piece * count
        closed = text + "1" + {"(": ")", "{": "}", "[": "]"}.get(piece[-1], "") * count
        for answer in (text, closed):
            verdict = verify(answer, gold, mode="answer", timeout=TIMEOUT)
            assert not verdict
            assert verdict.seconds < TIMEOUT + BUSY_MACHINE_SECONDS
