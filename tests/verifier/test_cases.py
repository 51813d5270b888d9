r"""Tables of answers by topic, one pair a line (``gold :: answer``): equal ones, and near misses.

A backslash is LaTeX's own, so the files read as a model would write into its box.
"""

from pathlib import Path

import pytest

from dgpo.verifier import verify, verify_batch

CASES = Path(__file__).with_name("cases")


def read(name: str) -> dict[str, list[tuple[str, str]]]:
    topics: dict[str, list[tuple[str, str]]] = {}
    for line in (CASES / f"{name}.txt").read_text().splitlines():
        if line.startswith("# "):
            topics[line[2:]] = []
        elif line:
            gold, _, answer = line.partition(" :: ")
            list(topics.values())[-1].append((gold, answer))
    return topics


EQUAL, DIFFERENT = read("equal"), read("different")


def verdicts(pairs: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    found = verify_batch([answer for _, answer in pairs], [gold for gold, _ in pairs], mode="answer", timeout=20.0)
    return [(*pair, verdict.reason) for pair, verdict in zip(pairs, found, strict=True)]


@pytest.mark.parametrize("topic", EQUAL)
def test_equal_answers_match(topic: str) -> None:
    assert [case for case in verdicts(EQUAL[topic]) if case[2] != "match"] == []


@pytest.mark.parametrize("topic", DIFFERENT)
def test_near_misses_do_not_match(topic: str) -> None:
    assert [case for case in verdicts(DIFFERENT[topic]) if case[2] == "match"] == []


def test_the_tables_are_broad() -> None:
    assert min(sum(map(len, EQUAL.values())), sum(map(len, DIFFERENT.values()))) > 500
    assert set(EQUAL) == set(DIFFERENT)


def test_a_box_changes_nothing() -> None:
    for topic in ("integers", "fractions", "words and choices"):
        pairs = [(gold, answer) for gold, answer in EQUAL[topic] if "boxed" not in answer]
        wrong = [pair for pair in pairs if not verify(f"So \\boxed{{{pair[1]}}}.", pair[0], timeout=20.0)]
        assert wrong == []
