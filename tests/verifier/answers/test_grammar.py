"""What a text is read as, shown as a person reads it."""

import pytest

from dgpo.verifier.answers.reading import read
from dgpo.verifier.explain import shown


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1,234", "1234"),
        ("x = 1,234", "equation(x = 1234)"),
        ("(1,234)", "tuple(1; 234)"),
        ("1, 2 and 3", "list(1; 2; 3)"),
        (r"\{1, \pm 2\}", "set(1; 2; (- 2))"),
        (r"(\pm 3, 0)", "list(tuple(3; 0); tuple((- 3); 0))"),
        ("[1, 2)", "pair(1; 2)"),
        (r"1.5\text{ cm}", "3/2 (decimal) [cm]"),
        ("3:4", "ratio(3 : 4)"),
        (r"10:30 \text{ a.m.}", "ratio(10 : 30) am"),
        (r"\begin{cases} x = 1 \\ y = 2\end{cases}", "x = 1; y = 2"),
        (r"\left\{\begin{array}{l} x_1=1, \\ x_2=2. \end{array}\right.", "list(1; 2)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "matrix(1; 2 / 3; 4)"),
        ("not enough information", "words(not enough information)"),
        (r"2^{n} \text{ for } n \ge 1", "(^ 2 n), if numbers n in [1; infinity)"),
        (r"f(x)=x \forall x \in \mathbb{R}", "equation(f(x) = x), if numbers R x in ((- infinity); infinity)"),
        (r"-4 \text{ at } x=2", "(- 4)"),
        (r"6 \text{ (when } x=5)", "6"),
        (r"7 \text{ with equality iff } a=b", "7"),
        (r"f(x)=6, \text{ attained at } x=5", "equation(f(x) = 6)"),
        (r"2n\pi, n \in \mathbb{Z}", "(* 2 n pi), if numbers Z n in ((- infinity); infinity)"),
        (r"\{x \mid x = 3n, n \in \mathbb{Z}\}", "set((* 3 n), if numbers Z n in ((- infinity); infinity))"),
    ],
)
def test_each_kind_of_answer(text: str, tree: str) -> None:
    assert shown(read(text).tree) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x \\le 3", "numbers x in ((- infinity); 3]"),
        ("3 > x", "numbers x in ((- infinity); 3)"),
        (r"-1 < x \le 3", "numbers x in (-1; 3]"),
        (r"3 \ge x > -1", "numbers x in (-1; 3]"),
        (r"x \ne 2", "numbers x in ((- infinity); 2) and (2; infinity)"),
        (r"x \in [0, 1] \cup \{5\}", "numbers x in [0; 1] and [5; 5]"),
        (r"\{t \mid t > 2\}", "numbers in (2; infinity)"),
        (r"x > 1 \text{ and } x < 4", "numbers x in (1; 4)"),
        (r"x > 1 \text{ and } x > 2", "numbers x in (2; infinity)"),
        (r"0 < x < 2, x \ne 1", "numbers x in (0; 1) and (1; 2)"),
        (r"\mathbb{R} \setminus [2, 3]", "numbers R in ((- infinity); 2) and (3; infinity)"),
        (r"]-\infty, 1] \cup ]2, 3[", "numbers in ((- infinity); 1] and (2; 3)"),
        (r"|x - 2| < 3", "numbers x in ((+ 2 (- 3)); (+ 2 3))"),
    ],
)
def test_inequalities_and_intervals_have_one_form(text: str, tree: str) -> None:
    assert shown(read(text).tree).replace("(- 1)", "-1") == tree


@pytest.mark.parametrize("text", [r"1 < x > 2", r"x > 1 \text{ and } y < 4"])
def test_what_is_no_set_of_numbers_has_no_such_form(text: str) -> None:
    assert not shown(read(text).tree).startswith("numbers")


@pytest.mark.parametrize("text", ["3 if x>0, 5 if x<0", "3 if n=1, otherwise 5"])
def test_cases_in_words_are_pairs_of_value_and_condition(text: str) -> None:
    assert shown(read(text).tree).startswith("set(tuple(3; ")


@pytest.mark.parametrize("text", ["all primes p with p>5", "True if n=2", "at x=2"])
def test_several_values_and_descriptions_of_sets_are_no_value(text: str) -> None:
    assert shown(read(text).tree).startswith(("words", "list(words", "equation", "numbers P"))
