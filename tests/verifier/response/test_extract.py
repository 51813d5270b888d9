import time

import pytest

from dgpo.verifier.response.extract import MAX_RESPONSE_CHARS, boxes_of_last_line, final_text


def last_box(text: str) -> str | None:
    return next(iter(boxes_of_last_line(text)[::-1]), None)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{12} then \boxed{7}.", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed {7}", "7"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\text{if } x \le \} 3}", r"\text{if } x \le \} 3"),
        (r"\boxed{\boxed{7}}", r"\boxed{7}"),
        (r"an open { brace, \boxed{7}", "7"),
        (r"a stray } brace, \boxed{7}", "7"),
        (r"\boxed{7} and \boxed{8", "7"),
        (r"\boxed{8 \boxed{7}", "7"),
        (r"\boxed{}", ""),
        (r"\boxed{8", None),
        (r"$\boxed 8$", "8"),
        (r"so \boxed -12.", "-12"),
        (r"\\boxed{8}", "8"),
        (r"\boxed", None),
        ("no box", None),
    ],
)
def test_last_balanced_box_wins(text: str, content: str | None) -> None:
    assert last_box(text) == content


def test_only_text_after_thinking_counts() -> None:
    assert last_box(final_text(r"<think>\boxed{1}</think> \boxed{2}")) == "2"
    assert last_box(final_text(r"<think>\boxed{1}</think> I do not know")) is None


def test_a_thought_that_does_not_end_holds_no_answer() -> None:
    assert last_box(final_text(r"<think>so \boxed{1}")) is None
    assert last_box(final_text(r"<think>a</think>\boxed{2}<think>\boxed{1}")) == "2"
    assert last_box(final_text(r"<think>\boxed{1}<think>")) is None
    assert last_box(final_text(r"<Thinking>\boxed{1}</Thinking> 2")) is None
    assert last_box(final_text("<think>" + "x" * MAX_RESPONSE_CHARS + r"\boxed{1}")) is None


def test_boxes_are_joined_on_the_last_line_only() -> None:
    assert boxes_of_last_line("\\boxed{9}\n\\boxed{2} and \\boxed{3}.\nDone.") == ["2", "3"]
    assert boxes_of_last_line(r"$\boxed{2}$ or $\boxed{3}$") == ["2 or 3"]


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("\\[\\boxed{2}\\]\n\\[\\boxed{3}\\]", ["2", "3"]),
        ("(1) $\\boxed{5}$\n\n(2) $\\boxed{7}$", ["5", "7"]),
        ("x = \\boxed{2}\ny = \\boxed{3}", ["2", "3"]),
        ("\\boxed{5}\n\nor\n\n\\boxed{7}", ["5 or 7"]),
        ("First \\boxed{5}.\nSo it is \\boxed{7}", ["7"]),
        ("\\boxed{5}\n\nFinal answer: \\boxed{5}", ["5"]),
    ],
)
def test_boxes_below_each_other_are_joined(text: str, contents: list[str]) -> None:
    assert boxes_of_last_line(text) == contents


def test_a_gap_of_any_length_between_boxes_is_read_in_linear_time() -> None:
    started = time.process_time()
    assert boxes_of_last_line("\\boxed{1}" + " " * 190_000 + "\n\\boxed{2}") == ["2"]
    assert time.process_time() - started < 1.0


def test_million_unclosed_boxes_are_read_in_linear_time() -> None:
    response = "\\boxed{" * 1_000_000
    started = time.process_time()
    assert last_box(final_text(response)) is None
    assert len(final_text(response)) == MAX_RESPONSE_CHARS
    assert time.process_time() - started < 1.0
