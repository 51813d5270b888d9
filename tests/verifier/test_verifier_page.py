"""docs/verifier.md promises verdicts, and docs/verifier_internals.md limits and figures: both are held to it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from dgpo.verifier import stages, verify
from dgpo.verifier.expressions import arithmetic
from dgpo.verifier.files import processes
from dgpo.verifier.response import extract, prose
from dgpo.verifier.verdict import REASONS, Stage

ROOT = Path(__file__).resolve().parents[2]
POLICY_PAGE, INTERNALS_PAGE = (ROOT / "docs" / name for name in ("verifier.md", "verifier_internals.md"))
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in (POLICY_PAGE, INTERNALS_PAGE))
RESULT = re.compile(r"(<!-- from (?P<file>\S+?)(?P<end>, last paragraph)? -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(*header: str) -> Iterator[list[str]]:
    """The cells of all tables of the pages with this header, without backquotes."""
    head = re.escape(f"| {' | '.join(header)} |") + r"\n\|[-|]+\|\n((?:\|.*\|\n)+)"
    for table in re.findall(head, PAGES):
        for line in table.splitlines():
            yield [re.sub(r"\A`(.*)`\Z", r"\1", cell.strip()) for cell in line.strip("|").split("|")]


POLICY = list(rows("ground truth", "answer", "verdict"))
MODES = list(rows("response", "ground truth", "mode", "verdict"))


def test_the_tables_are_found() -> None:
    assert len(POLICY) > 45 and all(len(row) == 3 for row in POLICY)
    assert len(MODES) > 10 and all(len(row) == 4 for row in MODES)


@pytest.mark.parametrize(("gold", "answer", "reason"), POLICY)
def test_the_policy_is_as_the_page_says(gold: str, answer: str, reason: str) -> None:
    assert verify(answer, gold, mode="answer", timeout=10.0).reason == reason
    assert verify(rf"so $\boxed{{{answer}}}$", gold, timeout=10.0).reason == reason


@pytest.mark.parametrize(("response", "gold", "mode", "reason"), MODES)
def test_the_modes_are_as_the_page_says(response: str, gold: str, mode: str, reason: str) -> None:
    assert verify(response, gold, mode=mode, timeout=10.0).reason == reason  # pyright: ignore[reportArgumentType]


def test_every_reason_is_on_the_page() -> None:
    assert [row[0] for row in rows("reason", "means")] == list(REASONS)


def test_the_stages_and_their_files_are_there() -> None:
    table = list(rows("stage", "in `dgpo/verifier/`", "decides"))
    assert [row[0] for row in table] == list(get_args(Stage))
    named = re.findall(r"`(\w+/(?:\w+\.py)?)`", " ".join(row[1] for row in table))
    assert named and [name for name in named if not (ROOT / "dgpo" / "verifier" / name).exists()] == []


def test_the_limits_are_as_the_page_says() -> None:
    limits = dict(rows("what", "limit"))
    assert {
        "response": (extract.MAX_RESPONSE_CHARS, prose.MAX_TEXT_CHARS),
        "answer that is compared": (stages.MAX_CHARS,),
        "exact arithmetic": (arithmetic.MAX_BITS, arithmetic.MAX_FACTORIAL),
        "processes of `dgpo verify` and `dgpo eval score`": (processes.MAX_PROCESSES,),
    }.items() <= {what: tuple(numbers(limit)) for what, limit in limits.items()}.items()


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def test_the_figures_are_those_of_the_benchmarks() -> None:
    """A page that is behind is written anew, and has to be committed."""

    def filled(found: re.Match[str]) -> str:
        text = (ROOT / found["file"]).read_text(encoding="utf-8").strip()
        shown = text.split("\n\n")[-1] if found["end"] else text
        return f"{found[1]}{shown}\n{found[4]}"

    before = INTERNALS_PAGE.read_text(encoding="utf-8")
    after, count = RESULT.subn(filled, before)
    INTERNALS_PAGE.write_text(after, encoding="utf-8")
    assert count == 2
    assert after == before, "docs/verifier_internals.md was behind benchmarks/results: commit it as it is now"
