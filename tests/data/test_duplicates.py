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


def test_copies_become_the_first_of_them():
    entries, tally = merged([("What is $2$?", "2"), ("one?", "1"), ("what is 2", 2), ("What is $2$?", "2")] * 100)
    assert [(e.first.id, e.first.problem, e.ground_truth) for e in entries] == [
        ("row0", "What is $2$?", "2"),
        ("row1", "one?", "1"),
    ]
    assert tally.rows_in == 400
    assert tally.dropped == {"duplicate": 398}
    assert tally.accounts == []


def test_answers_that_are_equal_as_mathematics_are_no_conflict():
    entries, tally = merged([("half", "0.5"), ("half", r"\frac{1}{2}"), ("half", r"\dfrac{2}{4}")])
    assert [e.ground_truth for e in entries] == ["0.5"]
    assert tally.dropped == {"duplicate": 2}


CONFLICT = [("p", "3"), ("q", "1"), ("p", "4"), ("p", "4.0"), ("P.", "5")]


def test_a_problem_with_conflicting_answers_is_dropped_and_listed():
    entries, tally = merged(CONFLICT)
    assert [e.first.problem for e in entries] == ["q"]
    assert tally.dropped == {"conflicting answers": 4}
    assert tally.accounts == [
        {"reason": "conflicting answers", "rows": 4, "row": 0, "id": "row0", "problem": "p",
         "answers": {"3": 1, "4": 2, "5": 1}}
    ]  # fmt: skip


def test_the_answer_of_most_rows_can_be_kept():
    entries, tally = merged(CONFLICT, keep_conflicts=True)
    assert [(e.first.problem, e.ground_truth) for e in entries] == [("p", "4"), ("q", "1")]
    assert tally.dropped == {"conflicting answers": 2, "duplicate": 1}
    assert tally.accounts[0]["kept"] == "4"


def test_without_a_most_common_answer_none_is_kept():
    entries, tally = merged([("p", "3"), ("p", "4")], keep_conflicts=True)
    assert entries == []
    assert tally.dropped == {"conflicting answers": 2}


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


def test_a_copy_with_a_readable_answer_stands_for_one_without():
    entries, tally = merged([("p", ""), ("p", "1")])
    assert [(e.first.id, e.ground_truth) for e in entries] == [("row1", "1")]
    assert tally.dropped == {"empty answer": 1}


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
