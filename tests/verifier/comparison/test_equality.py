from itertools import product

import pytest

from dgpo.verifier import verify
from dgpo.verifier.answers.reading import read
from dgpo.verifier.comparison.decisions import Decision
from dgpo.verifier.comparison.equality import Comparison


def same(gold: str, answer: str) -> Decision:
    return Comparison().same(read(gold).tree, read(answer).tree)


EQUAL = [
    ("1234", "1,234"), ("12000", "12{,}000"), (r"\frac12", "0.5"), (r"2\sqrt2", r"\sqrt8"), ("x+1", "1+x"),
    (r"\frac32", r"1\frac12"), ("2.5e3+1", "2501"), (r"z+\frac16", r"z+0.1\overline{6}"), ("1.5x", r"1\frac12 x"),
    (r"\sin 30^\circ", "½"), ("5!", "120"), (r"\binom52", "10"), ("e^{-1}", r"\frac1e"), (r"\lfloor 3.7\rfloor", "3"),
    ("|x-1|", "|1-x|"), (r"\max(a,b)", r"\max\{b,a\}"), (r"3\times 10^5", "300000"),
]  # fmt: skip
DIFFERENT = [
    ("1234", "1,235"), (r"2\sqrt2", r"\sqrt6"), ("x+1", "x+2"), (r"1\frac12", "0.5"), (r"z+\frac16", "z+0.16"),
    ("1.5x", r"\frac12 x"), (r"2\pi", "6.28"), ("5!", "5"), (r"\ln 4", r"4\ln 2"), (r"\lfloor 3.7\rfloor", "4"),
    ("|x-12|", "12-x"), (r"\max(x,20)", "20"), (r"\lfloor n/80\rfloor", "0"),
]  # fmt: skip
CONTEXTS = [
    "{}", "t = {}", "({}, 7)", r"\{{{}, 7\}}", "7, {}", r"[{}, \infty)", r"t \le {}", r"\text{{The answer is }} {}",
    r"\begin{{pmatrix}}1&{}\\0&1\end{{pmatrix}}", r"w^{{{}}}", r"\sqrt{{{}+w}}", r"\frac{{{}}}{{7}}", "w+{}", "({})w",
    r"{}\text{{ cm}}", "{} : 7", r"7 \text{{ or }} {}", r"\{{t \mid t > {}\}}", "(1,2), (3, {})", "f(t) = {}",
]  # fmt: skip


@pytest.mark.parametrize("context", CONTEXTS)
def test_what_is_equal_alone_is_equal_inside_anything(context: str) -> None:
    pairs = [(context.format(one), context.format(two)) for pair in EQUAL for one, two in (pair, pair[::-1])]
    assert [pair for pair in pairs if not same(*pair)] == []


@pytest.mark.parametrize("context", CONTEXTS)
def test_what_differs_alone_differs_inside_anything(context: str) -> None:
    assert [pair for pair in DIFFERENT if same(*map(context.format, pair))] == []


def test_what_cannot_be_compared_is_not_known_and_a_part_that_differs_decides() -> None:
    unread = (r"\int_0^1 x\,dx", r"\frac12")
    assert same(*unread) is None
    assert same(f"(1, {unread[0]})", f"(1, {unread[1]})") is None
    assert same(f"(1, {unread[0]})", f"(2, {unread[1]})") is False


def test_every_side_of_a_product_of_lists_is_matched() -> None:
    lists = ["1, 2", r"\{1, 2\}", "(1, 2)", "[1, 2]"]
    verdicts = {pair: bool(verify(pair[1], pair[0], mode="answer")) for pair in product(lists, lists)}
    assert [pair for pair, right in verdicts.items() if right and pair[0] != pair[1]] == [
        ("1, 2", r"\{1, 2\}"),
        ("1, 2", "(1, 2)"),
        (r"\{1, 2\}", "1, 2"),
        ("(1, 2)", "1, 2"),
    ]
