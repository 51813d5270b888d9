import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgpo.verifier.decisions import Decision
from dgpo.verifier.equality import Comparison
from dgpo.verifier.grading import grade
from dgpo.verifier.reading import read
from dgpo.verifier.stages import verify
from dgpo.verifier.tokens import latex


def equal_by_value(gold: str, answer: str) -> Decision:
    return Comparison().same(read(gold).tree, read(answer).tree)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"\sqrt{7+4\sqrt{3}}", r"2+\sqrt{3}"),
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}"),
        (r"\frac{n(n+1)}{2}", r"\frac{n^{2}+n}{2}"),
        (r"\cos 2x", r"1-2\sin^{2} x"),
        (r"\sqrt{2}", "1.414214"),
        (r"\ln 8", r"3\ln 2"),
        (r"\log_{2} 8 + x", "x+3"),
        (r"\log 100 + x", "x+2"),
        (r"\log x", r"\ln x"),
        (r"\frac{(n-1)!}{k!}n", r"\frac{n!}{k!}"),
        (r"|3-\pi|", r"\pi-3"),
        (r"e^{i\pi}+x", "x-1"),
        (r"2\cos\frac{\pi}{9}", "1.8793852"),
        (r"2^{-98}x", r"\frac{x}{2^{98}}"),
        (r"x^{2/3}", r"\sqrt[3]{x^{2}}"),
        (r"x\arctan 1", r"\frac{\pi}{4} x"),
        ("2x+4y-3=0", r"y=-\frac{1}{2}x+\frac{3}{4}"),
        ("x^{2}/4+y^{2}/3=1", "x^{2}/16+y^{2}/12=1/4"),
        (r"\hbar\omega_{L}^{\prime}", r"\omega_L'\hbar"),
        ("x^{2}+C", "x^{2}+c"),
        ("2*sqrt(3)*x**2", r"2\sqrt{3}x^{2}"),
        (r"\sqrt{2}%", r"\sqrt{2}"),
        (r"\sqrt{2}%", r"\frac{\sqrt{2}}{100}"),
        (r"\frac{\pi}{100}", r"\pi%"),
        ("50% x", r"\frac{x}{2}"),
    ],
)
def test_equal(gold: str, answer: str) -> None:
    assert equal_by_value(gold, answer) is True
    assert verify(answer, gold, mode="answer", timeout=10.0)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"\sqrt{2}", "1.41421"),
        (r"\pi", r"\frac{355}{113}"),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{10}"),
        ("2^{-98}x", "2^{-99}x"),
        (r"\pi(R^{2}-r^{2})", r"\pi(r^{2}-R^{2})"),
        ("a+A", "2a"),
        ("x_{1}", "x_{2}"),
        (r"\log_{10} 2", r"\ln 2"),
        ("x^{2}-1", "x-1"),
        (r"x\sqrt{2}", "1.41x"),
        ("3", r"-\infty"),
        (r"\infty", "-1"),
        (r"\sqrt{2}", "not mathematics at all"),
        ("x+1", "some words"),
        ("A to B", "B to A"),
        ("4 R 1", "1 R 4"),
        (r"team A beats team B", "team B beats team A"),
        (r"\sqrt{2}\text{ cm}", r"\sqrt{2}\text{ m}"),
        ("42", "__import__('os').system('touch marker')"),
        ("x'", "x"),
        ("3", r"\sqrt{9.00000001}"),
        (r"\sqrt{2}%", r"100\sqrt{2}"),
        (r"\sqrt{2}", r"\frac{\sqrt{2}}{100}"),
        ("50% x", "50x"),
        ("|x-12|", "12-x"),
        ("|x+9|", "x+9"),
        (r"\max(x,20)", "20"),
        (r"\lfloor n/80\rfloor", "0"),
        (r"\lfloor n/100\rfloor", r"\lfloor (n+1)/100\rfloor"),
        (r"\lfloor\log_2 n\rfloor", r"\lceil\log_2 n\rceil-1"),
        ("|x+10|-|x-10|", "2x"),
        ("x", "x+|x-12|+|x-13|-|2x-25|"),
        (r"\sqrt{(x-9)^2}", "9-x"),
        (r"\sqrt{|x-12|}", r"\sqrt{12-x}"),
        ("y(0)", "0"),
    ],
)
def test_different(gold: str, answer: str) -> None:
    assert equal_by_value(gold, answer) is False
    assert not verify(answer, gold, mode="answer", timeout=10.0)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"\sqrt{x^{2}}", "x"),
        (r"\sqrt{2}-\sqrt{2}", "0"),
        (r"\sin(\pi)", r"\sin(2\pi)"),
        ("9^{9^{9^{9}}}", "x"),
        ("10^{400}x", "x"),
        ("(2000+x)!", "x"),
        (r"\exp(9^{99})", "x"),
        (r"\sum_{k=1}^{5} k", "15"),
        ("x+y=2", "x+y=3"),
        ("xy=1", "x=1/y"),
        ("1+e^{-200}", "1"),
        (r"2^{200}+\sqrt{2}", r"2^{200}+\sqrt{3}"),
        (r"\cos(10^{-30})", "1"),
        (r"\tanh(100)", "1"),
    ],
)
def test_what_evaluation_does_not_tell_is_left_open(gold: str, answer: str) -> None:
    assert equal_by_value(gold, answer) is None


def test_hostile_expressions_cost_milliseconds() -> None:
    started = time.monotonic()
    for text in ("!" * 190, "2^{" * 40 + "2" + "}" * 40, "9^{9^{9}}!" * 9, r"\sin" * 60 + " x", "(" * 900, "x!" * 99):
        equal_by_value(text, "x")
        equal_by_value("x", text)
    assert time.monotonic() - started < 10.0


atoms = st.sampled_from(
    ["1", "2", "7", "10", "x", "y", "n", r"\pi", r"\sqrt{2}", r"\sqrt{x}", "e", r"\frac{1}{3}", "0.5"]
)
expressions = st.recursive(
    atoms,
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda two: rf"\frac{{{two[0]}}}{{{two[1]}}}"),
        st.tuples(parts, parts).map(lambda two: rf"({two[0]})({two[1]})"),
        st.tuples(parts, parts).map(lambda two: rf"({two[0]}-{two[1]})"),
        st.tuples(parts, parts).map(lambda two: rf"{two[0]} \cdot ({two[1]})"),
        parts.map(lambda part: rf"({part})^{{2}}"),
        parts.map(lambda part: rf"\sin({part})"),
        parts.map(lambda part: rf"\ln({part})"),
    ),
    max_leaves=5,
)


@settings(max_examples=60)
@given(expressions, expressions)
def test_it_agrees_with_the_symbolic_stage(gold: str, answer: str) -> None:
    """Two parsers and two ways to evaluate. Where both know, they say the same."""
    for wanted, given_ in ((gold, answer), (gold, rf"({gold}) \cdot 1"), (gold, f"({gold})+1")):
        ours = equal_by_value(wanted, given_)
        if ours is not None:
            assert ours == (grade(*(latex(read(side).tokens) for side in (wanted, given_))) == "match"), (
                wanted,
                given_,
            )


def test_it_serves_threads() -> None:
    pairs = [(rf"\sqrt{{{n}}}+\sin({n}x)", rf"\sin({n} \cdot x)+{n}^{{1/2}}") for n in range(2, 200)]
    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(lambda pair: equal_by_value(*pair), pairs))


def test_long_lists_of_expressions_are_decided_in_any_order() -> None:
    gold = ", ".join(rf"\sqrt{{{n}}}+1" for n in range(2, 32))
    answer = ", ".join(rf"1+\sqrt{{{n}}}" for n in range(31, 1, -1))
    verdict = verify(answer, gold, mode="answer")
    assert (verdict.reason, verdict.stage) == ("match", "value")
