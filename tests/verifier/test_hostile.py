"""Hundreds of generated harmful answers: nothing runs, nothing hangs, memory stays, the next verdict is right."""

import os
import random
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from dgpo.verifier import Verdict, verify, verify_batch

TIMEOUT = 0.3
BUSY_MACHINE_SECONDS = 10.0
CALLER_MEMORY_BYTES = 50 << 20
GOLDS = ("5", "x+3", r"\{1, 2\}")


def resource_bombs() -> Iterator[str]:
    for base, height in product(("2", "9", "99", "x", r"\pi", "(x+1)", "1.5", "i"), (3, 4, 6)):
        tower = base
        for _ in range(height - 1):
            tower = f"{base}^{{{tower}}}"
        yield from (tower, f"{tower} + 1", rf"\gcd({tower}, 7)", rf"\lfloor {tower} \rfloor")
    for number in (999, 5000, 10**6, 10**9):
        yield from (f"{number}!", f"({number}!)!", f"{number}!!", f"x + {number}!")
        yield rf"\frac{{{number}!}}{{{number - 1}!}}"
        yield from (rf"\binom{{{number}}}{{{number // 2}}}", rf"\binom{{{number}!}}{{3}}", rf"2^{{{number}}} - x")
    for bound in (10**4, 10**8, 10**20):
        yield from (rf"\sum_{{k=1}}^{{{bound}}} \frac{{1}}{{k^3+1}}", rf"\prod_{{k=1}}^{{{bound}}} (x+k)")
        yield from (rf"\sum_{{k=1}}^{{{bound}}} \sum_{{j=1}}^{{{bound}}} \sin(k^j)", rf"\prod_{{k=1}}^{{{bound}}} k!")
    for depth in (5, 20, 24, 60):
        yield from (r"\sqrt{2+" * depth + "x" + "}" * depth, r"\frac{1}{1+" * depth + "x" + "}" * depth)
        yield from (r"\sin(" * depth + "x" + ")" * depth, r"\left(" * depth + "x" + r"\right)^{9}" * depth)
        yield from (r"\int_0^1 " * depth + "x" + " dx" * depth, r"\sqrt[3]{3+\sqrt{" * depth + "7" + "}}" * depth)
    for power in (50, 500, 5000):
        yield from (f"(x+y+z+w)^{{{power}}} - (w+x+y+z)^{{{power + 1}}}", rf"\frac{{x^{{{power}}}-1}}{{x-1}}")
        yield from (rf"\begin{{pmatrix}}1&x\\y&2\end{{pmatrix}}^{{{power}}}", rf"\cos({power}x)^{{{power}}}")
        yield rf"\int x^{{{power}}} e^{{-x^2}} \sin^{{9}} x \, dx"
        yield rf"\lim_{{x\to 0}} \frac{{\sin^{{{power}}} x - x^{{{power}}}}}{{x^{{{power + 2}}}}}"
    for count in (30, 100, 300):
        yield "+".join(f"\\sin(x^{{{k}}})" for k in range(count))
        yield r"\cdot".join(f"(x+{k})" for k in range(count))
        yield "5, " + ", ".join(f"x!={k}" for k in range(count))
        yield from (",".join(f"x^{{{k}}}" for k in range(count)), r"\cup".join(f"[{k},x]" for k in range(count)))
        yield from (r"\cup".join(["(k,k+1)"] * min(count, 32)), ",".join(["n=1"] * min(count, 12)))
        yield from ("&".join("1" * count), "=".join(["x"] * count), "<".join(["x"] * count), ":".join(["x"] * count))


def degenerate() -> Iterator[str]:
    for piece in ("", " ", *re.split(" ", r"$ $$ {} () [] \{\} , ; = < - + ^ _ ! % . ... \\ &")):
        yield from (piece, piece * 3, piece * 900, f"7{piece}6")
    yield from ("\x00", "\ufffe", "\u202e5", "五", "5\u200b6", "\\", "\\" * 99, "nan", "inf", "None", "0/0", "1/0")
    yield from (r"\frac{1}{0}", r"\frac{}{}", r"\sqrt{}", r"\sqrt[0]{2}", r"\log_1 5", r"\log 0", r"\binom{-1}{-1}")
    yield from (r"\begin{pmatrix}", r"\begin{matrix}\end{matrix}", r"\text{", r"\left(")
    yield from (r"\def\x{\x\x}\x", r"\input{/etc/passwd}", "9" * 999, "{" * 20 + "1" + "}" * 20)


def hedges() -> Iterator[str]:
    patterns = r"{} or {}|{}, {}|{} \text{{ or }} {}|{} \lor {}|{};{}|either {} or {}|maybe {}, maybe {}"
    for pattern in patterns.split("|"):
        yield from (pattern.format("5", "6"), pattern.format("6", "5"), pattern.format("x = 5", "x = 6"))
    yield from (" ".join(map(str, range(10))), ", ".join(map(str, range(100))))
    others = r"5 \pm 1|between 4 and 6|\{5, 6\}|[4, 6]|5 = 6|6 = 5|5 < 6|x = 5 = 6|A B C D|\boxed{5} \boxed{6}"
    yield from rf"{others}|5 \neq 6|not 5|5?6|~5 or so, or 6".split("|")


def payloads(canary: Path) -> Iterator[str]:
    touch = f"__import__('pathlib').Path('{canary}').touch()"
    shell = f"__import__('os').system('touch {canary}')"
    for code in (touch, shell, f"open('{canary}', 'w')", f"exec({touch!r})", f"eval({shell!r})"):
        yield from (code, f"5 + {code}", f"({code}, 5)[1]", f"[{code} for _ in (1,)]", f"lambda: {code}", f"{{{code}}}")
        yield from (
            f"\\text{{{code}}}",
            f"\\sqrt{{{code}}}",
            f"f'{{{code}}}'",
            f"x = {code}",
            f"$({code})$",
            f"`{code}`",
        )
    yield from (f"\\write18{{touch {canary}}}", f"$(touch {canary})", f"`touch {canary}`", f"; touch {canary} ;")
    yield from ("().__class__.__bases__[0].__subclasses__()", "globals()", "x.__class__", "sys.exit()")


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def check(answers: list[str]) -> list[Verdict]:
    """All against each gold: none is right, none is late, the caller has not grown, and the next call is right."""
    before = resident_bytes()
    found = []
    for gold in GOLDS:
        verdicts = verify_batch([f"\\boxed{{{answer}}}" for answer in answers], [gold] * len(answers), timeout=TIMEOUT)
        assert [answer for answer, verdict in zip(answers, verdicts, strict=True) if verdict] == []
        assert max(verdict.seconds for verdict in verdicts) < TIMEOUT * len(answers) + BUSY_MACHINE_SECONDS
        assert verify(r"\boxed{2(f(x) + 1)}", "2f(x)+2", timeout=20.0)
        found += verdicts
    assert resident_bytes() - before < CALLER_MEMORY_BYTES
    return found


def test_degenerate_answers_and_hedges_are_wrong() -> None:
    answers = [*degenerate(), *hedges()]
    assert len(answers) >= 150
    check(answers)


PIECES = re.split(
    "[|]",
    r"1 |x |A |a b |5 cm |2\text{ m} |1 : |1:|1, |1 , |A, |A B C D |(A) |B) |A and |x = |x < |a-b |and |or |"
    r"a' |$ |5$ or |1.|. |5. |= 1 |1 / |10 ^ |^{2} |_|2^|{ |( |[|(1,|]-2,|\( |\text{ a } |\frac{ |\frac{|"
    r"\sqrt |\pm |\pm 3, |\in |\le |\cdot |\begin{cases} |x=1\\ |&|one |one hundred |half of |all |real |of |"
    r"numbers |for |at |when x = |where |is |is it |not |no |wait |No, |so |? |! |; |# |**|Answer: |Step |"
    r"5 * 3 = |5 ft |per |km/s |sin |dx |f(x) |π|√|% |° |- |5厘米 |hours |n \ge 1 ",
)
GOLDS_OF_MANY_KINDS = (
    *("5", "3:4", "A, C", "x+3", "[1, 2]", "(1, 2)", "5 cm", "two", "no solution", "B", "x = 5", r"2^n, n \ge 1"),
    *("3, 5", "2 hours 30 minutes"),
)


def test_repeated_pieces_cost_no_backtracking() -> None:
    """A pattern that can match one text in two ways takes twice as long with each repeat: for 60, until the end."""
    generator = random.Random(0)
    pairs = ["".join(generator.sample(PIECES, 2)) for _ in range(300)]
    for start, piece, end in product(("", "x, ", "5 "), (*PIECES, *pairs), ("", "!", "1)")):
        for mode in ("answer", "extract"):
            gold = generator.choice(GOLDS_OF_MANY_KINDS)
            verify(f"{start}{piece * 60}{end}", gold, mode=mode, timeout=TIMEOUT)


def test_no_payload_runs(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    answers = list(payloads(canary))
    assert len(answers) > 60
    check(answers)
    for answer in answers:
        for mode in ("answer", "extract"):
            verify(answer, "5", mode=mode, timeout=TIMEOUT)
        verify(r"\boxed{5x}", f"x + {answer}", timeout=TIMEOUT)
    assert not canary.exists()


@pytest.mark.parametrize("part", [0, 1, *(pytest.param(part, marks=pytest.mark.slow) for part in range(2, 12))])
def test_resource_bombs_end_in_time(part: int) -> None:
    """A sixth of the bombs by default, one after the other; the rest with ``-m slow``."""
    answers = list(resource_bombs())[part::12]
    before = resident_bytes()
    for index, answer in enumerate(answers):
        started = time.monotonic()
        assert not verify(f"\\boxed{{{answer}}}", GOLDS[index % 3], timeout=TIMEOUT)
        assert time.monotonic() - started < TIMEOUT + BUSY_MACHINE_SECONDS
    assert verify(r"\boxed{3(f(x) + 1)}", "3f(x)+3", timeout=20.0)
    assert resident_bytes() - before < CALLER_MEMORY_BYTES
