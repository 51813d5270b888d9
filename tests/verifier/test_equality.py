import pytest

from dgpo.verifier.equality import Parts, compare, settle
from dgpo.verifier.intervals import pieces
from dgpo.verifier.normalise import clean


def same(gold: str, answer: str) -> object:
    return compare(clean(gold), clean(answer))


@pytest.mark.parametrize(
    ("text", "variable", "parts"),
    [
        ("[1, 2)", "", ["[1, 2)"]),
        (r"x \le 3", "x", [r"(-\infty, 3]"]),
        ("3 > x", "x", [r"(-\infty, 3)"]),
        (r"-1 < x \le 3", "x", ["(-1, 3]"]),
        (r"3 \ge x > -1", "x", ["(-1, 3]"]),
        (r"x \ne 2", "x", [r"(-\infty, 2)", r"(2, \infty)"]),
        (r"x \in [0, 1] \cup \{5\}", "x", ["[0, 1]", "[5, 5]"]),
        (r"\{t \mid t > 2\}", "t", [r"(2, \infty)"]),
        (r"x > 1 \text{ and } x < 4", "x", ["(1, 4)"]),
    ],
)
def test_inequalities_and_intervals_have_one_form(text: str, variable: str, parts: list[str]) -> None:
    found = pieces(clean(text))
    assert found is not None
    assert (found[0], [str(piece) for piece in found[1]]) == (variable, parts)


@pytest.mark.parametrize(
    "text", ["5", "x + 1", "(1, 2, 3)", r"1 < x > 2", r"x > 1 \text{ and } y < 4", r"x > 1 \text{ and } x > 2"]
)
def test_what_is_no_set_of_numbers_has_no_form(text: str) -> None:
    assert pieces(clean(text)) is None


def test_only_undecided_parts_are_left() -> None:
    assert same("(1, 2, x+y)", "(1, 2, y+x)") == Parts(("x+y",), ("y+x",), True)
    assert same(r"\{1, x+y, 2\}", r"\{y+x, 2, 1\}") == Parts(("x+y",), ("y+x",), False)
    assert same("(1, 2, x+y)", "(1, 3, y+x)") is False
    assert same(r"\begin{pmatrix}1&x\\2&3\end{pmatrix}", r"\begin{pmatrix}1&x\\2&4\end{pmatrix}") is False
    assert same("x+y", "y+x") is None


def test_an_unordered_list_is_matched_whatever_its_order() -> None:
    asked = []

    def ask(gold: str, answer: str) -> str:
        asked.append((gold, answer))
        return "match" if sorted(gold) == sorted(answer) else "mismatch"

    assert settle(r"\{f(a)+b, f(c)+d, a+b, 1\}", r"\{d+f(c), 1, b+a, b+f(a)\}", ask) == "match"
    assert settle(r"\{f(a)+b, f(c)+d\}", r"\{d+f(c), f(a)-b\}", ask) == "mismatch"
    assert all("1" not in pair and "a+b" not in pair for pair in asked)


def test_a_timeout_of_a_part_is_the_outcome() -> None:
    assert settle("(f(x)+1, f(y)+1)", "(1+f(x), 1+f(y))", lambda gold, answer: "timeout") == "timeout"
