"""What the verifiers are asked: a file of labelled cases, wrong numbers derived from its right ones, hostile input."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

GROUPS = {"equiv": "core", "boxed": "core", "mcq": "core", "real": "real", "extract": "extract", "hostile": "hostile"}
"""Column of the table by category of a case."""
DISTANCE = Fraction(1, 10**4)
"""How far a derived number is from the right one at least, relatively: beyond what a decimal may be rounded by."""
KINDS = ("bare", "boxed", "text")
_SIMPLE = re.compile(r"(?P<sign>-?)(?:(?P<decimal>\d+(?:\.\d+)?)|\\frac\{(?P<top>\d+)\}\{(?P<bottom>\d+)\})")


@dataclass(frozen=True, slots=True)
class Case:
    """One question; ``expected`` is None where no verdict on it counts (it must only end, and do no harm)."""

    group: str
    response: str
    gold: str
    expected: bool | None
    mode: str = "boxed"


def read_cases(path: Path) -> list[Case]:
    r"""The cases of a JSON lines file with these fields; others are ignored.

    ``gold``: the ground truth. ``prediction``: what is checked; its ``pred_kind`` is "boxed" (a response with a
    box), "text" (a response) or "bare" (the answer alone, which is put into a box here, so that all verifiers
    read the same). ``category``: a key of `GROUPS`; "extract" has its answer outside a box. ``expected``: true or
    false. ``note``: one that starts with "disputed" is not scored.

    Raises ValueError, with file, line and remedy, for a line that is not so.
    """
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            kind, group, note = row["pred_kind"], GROUPS[row["category"]], row.get("note") or ""
            texts = row["gold"], row["prediction"]
            if kind not in KINDS or not isinstance(row["expected"], bool) or not all(isinstance(t, str) for t in texts):
                raise ValueError(f"pred_kind={kind!r}, expected={row['expected']!r}, gold={row['gold']!r:.80}")
            answer = row["prediction"]
            space = " " if answer.endswith("\\") else ""  # so that it does not escape the brace
            response = rf"\boxed{{{answer}{space}}}" if kind == "bare" else answer
            mode = "extract" if group == "extract" else "boxed"
            expected = None if note.startswith("disputed") else row["expected"]
            cases.append(Case(group, response, row["gold"], expected, mode))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number}: {type(error).__name__} {error}; the fields are gold, prediction, "
                f"pred_kind ({', '.join(KINDS)}), category ({', '.join(GROUPS)}) and expected (true, false)"
            ) from error
    return cases


def derived_negatives(cases: Sequence[Case], count: int) -> list[Case]:
    """Wrong numbers near right ones: each plain number among the golds, moved in value and then spelt anew."""
    golds = sorted({case.gold for case in cases if _SIMPLE.fullmatch(case.gold) and len(case.gold) < 20})
    if not golds:
        return []
    draw = random.Random(0)
    derived: dict[tuple[str, str], Case] = {}
    for _ in range(100 * count):
        gold = draw.choice(golds)
        value = _value(gold)
        wrong = draw.choice(list(_near(value, draw)))
        spelt = draw.choice(list(_spellings(wrong)))
        if abs(wrong - value) > DISTANCE * abs(value):
            derived.setdefault((gold, spelt), Case("derived", rf"\boxed{{{spelt}}}", gold, False))
        if len(derived) == count:
            break
    return list(derived.values())


def _value(text: str) -> Fraction:
    found = _SIMPLE.fullmatch(text)
    assert found is not None
    size = Fraction(found["decimal"]) if found["decimal"] else Fraction(int(found["top"]), int(found["bottom"]))
    return -size if found["sign"] else size


def _near(value: Fraction, draw: random.Random) -> Iterator[Fraction]:
    yield from (value + 1, value - 1, -value, value * 10, value / 10, value * 100, value / 100)
    yield from (value * Fraction(1001, 1000), value * Fraction(999, 1000), value * 2, value + Fraction(1, 2))
    if value:
        yield 1 / value
    digits = list(str(abs(value.numerator)))
    if len(digits) > 1:
        place = draw.randrange(len(digits) - 1)
        digits[place : place + 2] = reversed(digits[place : place + 2])
        yield Fraction(int("".join(digits)), value.denominator)


def _spellings(value: Fraction) -> Iterator[str]:
    sign, size = "-" if value < 0 else "", abs(value)
    if size.denominator == 1:
        yield from (f"{sign}{size}", f"{sign}{size}.0", f"{sign}{int(size):,}", rf"{sign}{size}\text{{ units}}")
        yield f"x = {sign}{size}"
    else:
        yield from (rf"{sign}\frac{{{size.numerator}}}{{{size.denominator}}}", f"{sign}{size}")
        yield rf"{sign}\dfrac{{{size.numerator}}}{{{size.denominator}}}"
    if 10**6 % size.denominator == 0:
        yield rf"{sign}{float(size):.6f}"
        yield rf"{sign}{float(size / 10):.7f} \times 10^{{1}}"


def hostile_cases() -> list[Case]:
    """Input that costs time or memory, carries code, is far too large, or offers several answers. Ours alone."""
    cases = [Case("hostile", rf"\boxed{{{text}}}", "7", False) for text in _costly()]
    cases += [Case("hostile", rf"\boxed{{{text}}}", "7", None) for text in _code()]
    cases += [Case("hostile", response, "7", expected) for response, expected in _degenerate()]
    return cases + [Case("hostile", rf"\boxed{{{text}}}", gold, False) for text, gold in _hedges()]


def _costly() -> Iterator[str]:
    yield from (r"9^{9^{9}}", r"((9^9)^9)^{9^9}", r"\binom{9000}{4500}^{999}", r"(10^6)!", r"10^{10^{10}}!")
    yield from (r"\sum_{k=1}^{\infty} \frac{\sin(k)}{k^3+k+1}", r"\prod_{n=1}^{9999} n^{n}", r"\int_0^1 x^{x^x} dx")


def _code() -> Iterator[str]:
    """Each leaves a file in the working directory if it is run; spelt for the ways a checker may come to run it."""
    calls = (
        "__import__('os').system('touch canary')",
        "open('canary','w')",
        "getattr(__import__('pathlib').Path('canary'),'touch')()",
        'eval(\'open("canary","w")\')',
        "[].__class__.__base__.__subclasses__()[0].__init__.__globals__['open']('canary','w')",
    )
    for call in calls:
        yield from (call, rf"{call} or \pi", rf"[{call}]", rf"\text{{{call}}}", f"{call}=7")


def _degenerate() -> Iterator[tuple[str, bool | None]]:
    yield from (("7" * 100_000, None), (r"\boxed{" + "7" * 100_000 + "}", False), (r"\boxed{" * 20_000, False))
    yield from (("x " * 500_000 + r"\boxed{7}", True), (r"\boxed{7}" * 20_000, True), ("{" * 100_000, False))
    yield from ((r"\boxed{" + "(" * 5000 + "7" + ")" * 5000 + "}", None), (r"\boxed{}", False), ("", False))
    yield from ((r"\boxed{\frac{7}{0}}", False), (r"\boxed{" + r"\sqrt{" * 300 + "7" + "}" * 300 + "}", False))
    yield from (
        (r"\boxed{" + "1+" * 20_000 + "1}", False),
        (r"\boxed{" + "\\frac{1}{1+" * 200 + "1" + "}" * 200 + "}", False),
    )
    yield from (("\x00\ud800\u202e" * 1000 + r"\boxed{7}", True), (r"\boxed{" + "$" * 50_000 + "}", False))


def _hedges() -> Iterator[tuple[str, str]]:
    for joint in (" or ", r" \text{ or } ", ", ", r" \lor ", "; ", " = "):
        yield from ((f"37{joint}38", "37"), (f"38{joint}37", "37"), (f"37{joint}38{joint}39", "38"))
    yield from ((r"\{1,2\}", "(1,2)"), (r"5 \text{ m}", r"5 \text{ cm}"), ("9999", "10,000"), ("1", "100"))
