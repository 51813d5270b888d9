import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.data.answers import canonical_answer, ground_truth_fault, integer_answer, text_fault
from dgpo.data.solutions import is_solution
from dgpo.verifier import verify

SPELLINGS = {
    "027": "27", "27.0": "27", "27.": "27", "+27": "27", "-007": "-7", "-0.0": "0", "000": "0",
    "1,234": "1234", r"1{,}234": "1234", "-12,345,678.50": "-12345678.50",
    "4.5e33": r"4.5 \times 10^{33}", "-1E-07": r"-1 \times 10^{-7}", "2e+03": r"2 \times 10^{3}",
    r"336^\circ": r"336^{\circ}", "336°": r"336^{\circ}", r"336^{\circ}": r"336^{\circ}", r"90\degree": r"90^{\circ}",
    r"$\frac{1}{2}$": r"\frac{1}{2}", r"\(x+1\)": "x+1", "$$7$$": "7", r"$\boxed{042}$.": "42", r"\boxed{a}": "a",
    "$1$ or $2$": "$1$ or $2$", r"\boxed{1}, \boxed{2}": r"\boxed{1}, \boxed{2}",
    "5\n6\n": "5, 6", "x = 5\n\ny = 6": "x = 5, y = 6", "$A$\n$B$": "A, B",
    "3+4\n=7": "3+4\n=7", "(1,2)\n(3,4)": "(1,2)\n(3,4)", "\\frac{1}\n{2}": "\\frac{1}\n{2}",
    "x = 3\n\\boxed{3}": "x = 3\n\\boxed{3}",
    "52_8": "52_8", "0.50": "0.50", "x = 5.": "x = 5.", "": "", "  ": "", "2,3": "2,3",
}  # fmt: skip


@pytest.mark.parametrize(("raw", "canonical"), SPELLINGS.items())
def test_a_spelling_becomes_the_canonical_one(raw: str, canonical: str):
    assert canonical_answer(raw) == canonical


def test_numbers_lists_and_nothing_are_answers_too():
    assert canonical_answer(27.0) == "27"
    assert canonical_answer(0.5) == "0.5"
    assert canonical_answer(["$2$", "", "$-3.0$"]) == "2, -3"
    assert canonical_answer(["$x=1,y=2$"]) == "x=1,y=2"
    assert canonical_answer(None) == canonical_answer(float("nan")) == canonical_answer([]) == ""
    assert canonical_answer(r"b'\frac{1}{2}'") == canonical_answer(r"['\frac{1}{2}']") == r"\frac{1}{2}"
    assert canonical_answer(r"\boxed{" * 1200 + "5" + "}" * 1200) == "5"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        *((raw, "must be text, a number or a list") for raw in ({"a": 1}, object(), [{"a": 1}])),
        (b"\xff", "text was expected, not bytes that are no UTF-8"),
    ],
)
def test_what_is_no_answer_is_refused(raw: object, says: str):
    with pytest.raises(TypeError, match=says):
        canonical_answer(raw)


def test_lines_that_are_values_or_a_sum_are_refused():
    with pytest.raises(ValueError, match="its lines may be several values or one sum; write them in one line"):
        canonical_answer("5\n- 6")


def test_a_very_long_answer_takes_no_time():
    assert canonical_answer("0" * 200_000 + "x") == "0" * 200_000 + "x"
    assert "nowhere marked" in text_fault("of words " * 20_000)


def test_a_contest_of_whole_numbers_has_no_degrees():
    assert integer_answer(r"$336^\circ$") == integer_answer("0336°") == "336"


texts = st.text(st.sampled_from("0123456789.,+-eE$\\{}()[]^°xboxedfrac \t"), max_size=25)


@given(texts | st.text(max_size=25))
def test_a_canonical_answer_stays_as_it_is(raw: str):
    try:
        once = canonical_answer(raw)
    except ValueError:  # "answer is" alone marks no answer
        assert is_solution(raw)
    else:
        assert canonical_answer(once) == once


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{}", "{:,}", "{}.0", "${}$", "\\boxed{{{}}}", "{:015d}"]))
def test_only_the_spelling_of_a_number_changes(value: int, spelling: str):
    spelt = spelling.format(value)
    assert canonical_answer(spelt) == str(value)
    assert verify(rf"\boxed{{{spelt}}}", canonical_answer(spelt))


def test_a_text_without_closing_braces_is_named():
    assert text_fault("27") == ""
    assert "braces that do not close" in text_fault(r"\frac{1}{2")


def test_ground_truths_that_nothing_can_be_checked_against_are_found():
    good = ["27", r"\frac{1}{2}", r"x^{2}+1", r"(1, 2)", r"4.5 \times 10^{33}", r"336^{\circ}", "Even", "B", "2, 3"]
    bad = ["@@@", "", r"\frac{1", "$", "= =", "3 +", r"\frac{1}{}", "x^", r"\sin", "[1, 2"]
    assert [truth for truth in good if ground_truth_fault(truth)] == []
    assert [truth for truth in bad if not ground_truth_fault(truth)] == []
