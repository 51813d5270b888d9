import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import E, Integer, Rational, pi, sin, sqrt

from dgpo.verifier.answers.reading import read
from dgpo.verifier.comparison.decisions import Decision
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.stages import verify


def equal_by_value(gold: str, answer: str) -> Decision:
    return Comparison().same(read(gold).tree, read(answer).tree)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}"),
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
        ("2*sqrt(3)*x**2", r"2\sqrt{3}x^{2}"),
        (r"\sqrt{2}%", r"\sqrt{2}"),
        (r"\sqrt{2}%", r"\frac{\sqrt{2}}{100}"),
        (r"\frac{\pi}{100}", r"\pi%"),
        ("50% x", r"\frac{x}{2}"),
        (r"\lfloor x \rfloor + 2", r"\lfloor x + 2 \rfloor"),
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
        (r"\log_{10} 2", r"\ln 2"),
        ("x^{2}-1", "x-1"),
        (r"x\sqrt{2}", "1.41x"),
        ("3", r"-\infty"),
        (r"\infty", "-1"),
        (r"\sqrt{2}", "not mathematics at all"),
        ("x+1", "some words"),
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
        ("1+e^{-200}", "1"),
        (r"2^{200}+\sqrt{2}", r"2^{200}+\sqrt{3}"),
        (r"\cos(10^{-30})", "1"),
        (r"\frac{1}{2^{99}}x", r"\frac{1}{2^{98}}x"),
        (r"(2+\sqrt{3})^{100}+(2-\sqrt{3})^{100}", r"(2+\sqrt{3})^{100}-(2-\sqrt{3})^{100}"),
        (r"\lceil n/2 \rceil", r"\lfloor n/2 \rfloor + 1"),
        (r"\lceil x/2 \rceil", r"\lfloor (x+1)/2 \rfloor"),
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
        ("10^{4000}x", "x"),
        ("(20000+x)!", "x"),
        (r"\exp(9^{99})", "x"),
        (r"\sum_{k=1}^{500} k", "125250"),
        (r"\tanh(100)", "1"),
        ("n^{2020}+1", "n^{2020}"),
    ],
)
def test_what_evaluation_does_not_tell_is_left_open(gold: str, answer: str) -> None:
    assert equal_by_value(gold, answer) is None


def test_hostile_expressions_cost_milliseconds() -> None:
    started = time.process_time()
    for text in ("!" * 190, "2^{" * 40 + "2" + "}" * 40, "9^{9^{9}}!" * 9, r"\sin" * 60 + " x", "(" * 900, "x!" * 99):
        equal_by_value(text, "x")
        equal_by_value("x", text)
    assert time.process_time() - started < 10.0


x, y, n = Rational(13, 7), Rational(17, 5), Rational(19, 3)
atoms = st.sampled_from(
    [
        ("2", Integer(2)),
        ("10", Integer(10)),
        ("x", x),
        ("y", y),
        ("n", n),
        (r"\pi", pi),
        (r"\sqrt{2}", sqrt(2)),
        ("e", E),
    ]
)
expressions = st.recursive(
    atoms,
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda two: (rf"\frac{{{two[0][0]}}}{{{two[1][0]}}}", two[0][1] / two[1][1])),
        st.tuples(parts, parts).map(lambda two: (rf"({two[0][0]})({two[1][0]})", two[0][1] * two[1][1])),
        st.tuples(parts, parts).map(lambda two: (rf"({two[0][0]}-{two[1][0]})", two[0][1] - two[1][1])),
        parts.map(lambda part: (rf"({part[0]})^{{2}}", part[1] ** 2)),
        parts.map(lambda part: (rf"\sin({part[0]})", sin(part[1]))),
    ),
    max_leaves=4,
)


@settings(max_examples=60)
@given(expressions, expressions)
def test_what_is_equal_has_one_value_for_sympy(gold: tuple[str, Any], answer: tuple[str, Any]) -> None:
    """At one point at least, whichever way it is written."""
    for text, value in (answer, (rf"({gold[0]}) \cdot 1", gold[1]), (rf"({gold[0]})+1", gold[1] + 1)):
        wanted, given_ = gold[1].evalf(30), value.evalf(30)
        if equal_by_value(gold[0], text) and wanted.is_finite and given_.is_finite:
            assert abs(wanted - given_) <= 1e-15 * abs(wanted), text


def test_it_serves_threads() -> None:
    pairs = [(rf"\sqrt{{{n}}}+\sin({n}x)", rf"\sin({n} \cdot x)+{n}^{{1/2}}") for n in range(2, 200)]
    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(lambda pair: equal_by_value(*pair), pairs))


def test_long_lists_of_expressions_are_decided_in_any_order() -> None:
    gold = ", ".join(rf"\sqrt{{{n}}}+1" for n in range(2, 32))
    answer = ", ".join(rf"1+\sqrt{{{n}}}" for n in range(31, 1, -1))
    verdict = verify(answer, gold, mode="answer")
    assert (verdict.reason, verdict.stage) == ("match", "value")
