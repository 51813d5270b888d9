"""Where a problem shows its options, the text of one is as good as its letter."""

import pytest

from dgpo.verifier import verify
from dgpo.verifier.answers.options import options_in


@pytest.mark.parametrize(
    ("problem", "texts"),
    [
        (r"Find $x$. $\textbf{(A)}\ 57 \qquad\textbf{(B)}\ 5/8 \qquad\textbf{(C) }\text{none}$", "57 5/8 none"),
        ("What is it?\nA. 57\nB: 58\nC) $(1,2)$", "57 58 (1,2)"),
        ("Of (A) and (B) choose one. [A] 3 [B] 4, [C] 5", "3 4 5"),
        ("A ball, B. 4", ""),
        ("(A) 4", ""),
        ("(B) 4 (C) 5", ""),
        (" ".join(f"({letter}) {ord(letter)}" for letter in "ABCDEFGHIJ"), "65 66 67 68 69 70 71 72 73 74"),
    ],
)
def test_options_are_read(problem: str, texts: str) -> None:
    found = options_in(problem)
    assert [*found] == [*"ABCDEFGHIJ"[: len(found)]]
    assert " ".join(option.plain.replace(" ", "") for option in found.values()) == texts


PROBLEM = (
    r"Find it. (A) $57$ (B) $\frac58$ (C) none of these (D) $\frac{6}{\sqrt3}$ (E) $(1,2)$ (F) $0.5$ (G) $\frac12$"
)


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("A", "57", "match"),
        ("(B)", "0.625", "match"),
        ("C", r"\text{none of these}", "match"),
        ("E", "(1, 2)", "match"),
        ("57", "A", "match"),
        (r"\frac58", r"\textbf{(B)}", "match"),
        (r"2\sqrt3", r"\frac{6}{\sqrt3}", "match"),  # and no echo
        ("A", "58", "mismatch"),
        ("B", "57", "mismatch"),
        ("57", "B", "mismatch"),
        ("57", "(A) 58", "mismatch"),
        ("E", "(2, 1)", "mismatch"),
        ("A", r"57 \text{ or } 0.625", "hedge"),
        ("57", r"\text{A or B}", "hedge"),
        ("F", "1/2", "mismatch"),  # which F and G have
    ],
)
def test_a_letter_and_its_text_are_the_same(gold: str, answer: str, reason: str) -> None:
    assert verify(rf"\boxed{{{answer}}}", gold, problem=PROBLEM).reason == reason
