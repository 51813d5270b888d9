"""docs/verifier.md promises verdicts; they are read from the page and checked."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgpo.verifier import verify
from dgpo.verifier.symbolic import CACHE_SIZE, MAX_CHARS, MAX_DEPTH, MAX_DIGITS_IN_A_ROW
from dgpo.verifier.verdict import REASONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "verifier.md").read_text(encoding="utf-8")


def rows(*header: str) -> Iterator[list[str]]:
    """The cells of all tables of the page with this header, without backquotes."""
    head = re.escape(f"| {' | '.join(header)} |") + r"\n\|[-|]+\|\n((?:\|.*\|\n)+)"
    for table in re.findall(head, PAGE):
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


def test_every_reason_and_limit_is_on_the_page() -> None:
    assert [row[0] for row in rows("reason", "means")] == list(REASONS)
    limits = " ".join(" ".join(row) for row in rows("what", "limit"))
    for number in (MAX_CHARS, MAX_DEPTH, MAX_DIGITS_IN_A_ROW, CACHE_SIZE):
        assert f"{number:,}" in limits


def test_the_comparison_is_the_committed_one() -> None:
    result = (ROOT / "benchmarks" / "results" / "verifier.md").read_text(encoding="utf-8")
    assert result.strip() in PAGE
