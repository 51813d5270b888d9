from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.data.answers import canonical_answer
from dgpo.data.duplicates import Entry, Tally, collect_problems, merge_answers, normal_form
from dgpo.data.sources import Record


def merged(pairs: Sequence[tuple[str, object]], *, keep_conflicts: bool = False) -> tuple[list[Entry], Tally]:
    tally = Tally()
    records = (Record(problem, answer, id=f"row{i}") for i, (problem, answer) in enumerate(pairs))
    entries = collect_problems(records, canonical_answer, tally)
    return merge_answers(entries, tally, keep_conflicts=keep_conflicts), tally


CONFLICT = [("p", "3"), ("q", "1"), ("p", "4"), ("p", "4.0"), ("P.", "5")]


def test_a_problem_with_conflicting_answers_is_dropped_and_listed():
    entries, tally = merged(CONFLICT)
    assert [e.first.problem for e in entries] == ["q"]
    assert tally.dropped == {"conflicting answers": 4}
    assert tally.accounts == [
        {"reason": "conflicting answers", "rows": 4, "row": 0, "id": "row0", "problem": "p",
         "answers": {"3": 1, "4": 2, "5": 1}}
    ]  # fmt: skip
    assert merged(CONFLICT, keep_conflicts=True)[1].accounts[0]["kept"] == "4"


COPIES = [("What is $2$?", "2"), ("one?", "1"), ("what is 2", 2), ("What is $2$?", "2")]
MERGED = {
    "copies become the first": (COPIES * 100, [("row0", "2"), ("row1", "1")], {"duplicate": 398}),
    "equal as mathematics": (
        [("half", "0.5"), ("half", r"\frac{1}{2}"), ("half", r"\dfrac{2}{4}")], [("row0", "0.5")], {"duplicate": 2}),
    "the answer of most rows": (
        CONFLICT, [("row0", "4"), ("row1", "1")], {"conflicting answers": 2, "duplicate": 1}),
    "no most common answer": ([("p", "3"), ("p", "4")], [], {"conflicting answers": 2}),
    "a readable answer for one that is not": ([("p", ""), ("p", "1")], [("row1", "1")], {"empty answer": 1}),
}  # fmt: skip


@pytest.mark.parametrize("kind", MERGED)
def test_rows_of_one_problem_are_merged_and_counted(kind: str):
    rows, kept, dropped = MERGED[kind]
    entries, tally = merged(rows, keep_conflicts=True)
    assert [(entry.first.id, entry.ground_truth) for entry in entries] == kept
    assert (tally.rows_in, tally.dropped) == (len(rows), dropped)


@pytest.mark.parametrize(
    ("problem", "answer", "reason"),
    [
        ("", "1", "no problem"),
        ("p", None, "empty answer"),
        ("p", " $ $ ", "empty answer"),
        ("p", "{}", "unreadable answer"),
        ("p", [], "empty answer"),
        ("p", r"\frac{1}{2", "unreadable answer"),
        ("p", {"a": 1}, "unreadable answer"),
        ("half a pair \ud800", "1", "broken text"),
        ("p", "\udfff", "broken text"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_and_listed(problem: str, answer: object, reason: str):
    entries, tally = merged([("good", "1"), (problem, answer)])
    assert [e.first.problem for e in entries] == ["good"]
    assert tally.dropped == {reason: 1}
    assert (tally.accounts[0]["reason"], tally.accounts[0]["row"]) == (reason, 1)


pairs = st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), st.sampled_from(["1", "1.0", "2", "", None, "{"])))


@given(pairs, st.booleans())
def test_every_row_is_accounted_for(rows: list[tuple[str, object]], keep_conflicts: bool):
    entries, tally = merged(rows, keep_conflicts=keep_conflicts)
    assert tally.rows_in == len(rows) == len(entries) + sum(tally.dropped.values())
    assert all(len(entry.answers) == 1 for entry in entries)


SAME = [
    (r"Find $\dfrac12 + x^{2}$.", r"find  \frac12+x^2"),
    (r"Let \(f(x)\) be \left( 1, 2 \right)", "Let $f(x)$ be (1 , 2)"),
    (r"Is \[a \le b\]?", "is a \\le b"),
    ("Number \uff11\uff12", "number 12"),
    ("x² + y₁₂ = 10⁶ cm³", "$x^2 + y_{12} = 10^6$ cm^{3}"),
    ("It is 3. Why?", "It is 3 why"),
]
DIFFERENT = [
    *[("1+2", "1-2"), ("3.5", "35"), ("f(12)", "f(1,2)"), ("f'(x)", "f(x)"), ("5!", "5"), ("x_1", "x^1")],
    *[("2²", "22"), ("10⁻²", "10-2"), ("a₁", "a1"), ("x¹²", "x¹2"), ("x²", "x₂"), ("2½", "21⁄2")],
    *[("x=.25", "x=25"), (".5 of 3", "5 of 3")],
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_layout_case_and_punctuation_do_not_tell_problems_apart(left: str, right: str):
    assert normal_form(left) == normal_form(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_what_changes_a_problem_does(left: str, right: str):
    assert normal_form(left) != normal_form(right)


def test_a_problem_without_any_token_is_itself():
    assert normal_form(" $.$ ") == "$.$"
