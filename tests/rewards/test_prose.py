import time

import pytest

from dgpo.rewards import verify
from dgpo.rewards.prose import Wanted, unboxed_answer


@pytest.mark.parametrize(
    ("text", "wanted", "answer"),
    [
        ("Answer: 5", "number", "5"),
        ("We add. The answer is 5. I hope it is correct.", "number", "5"),
        ("The answer is 5 because 2+3=5.", "number", "5"),
        ("The final answer is 1,234.5 m.", "number", "1,234.5"),
        ("Final Answer: the volume of $ABCD$ is 120.", "number", "120"),
        ("**Answer:** 3/4", "number", "3/4"),
        ("Final Answer:\n$$\n9\n$$", "number", "9"),
        ("#### 10\nthen\n#### 20", "number", "20"),
        ("<answer> 0.5 </answer>", "number", "0.5"),
        ("so 3 + 4 = 7 and 7 - 9 is -2", "number", "-2"),
        ("It costs $7.50 for one and $15 for two.", "number", "$15"),
        ("It grew by 25%.", "number", "25%"),
        ("La réponse est 12.", "number", "12"),
        ("答案是 12。", "number", "12"),
        ("The answer is 37 or 38.", "number", "37 or 38"),
        ("Thus $x = 5$ or $x = 6$.", "number", "x = 5 or x = 6"),
        (r"Hence the roots are $2$, $3$ and $4$.", "expression", "2, 3, 4"),
        (r"So \( x \geq \sqrt{2} \). I hope it helps.", "expression", r"x \geq \sqrt{2}"),
        ("Thus\n\\[\n\\frac{1}{x}\n\\]", "expression", r"\frac{1}{x}"),
        ("odd $n$", "expression", "odd $n$"),
        ("The answer is (C).", "choice", "(C)"),
        ("The answer is for sure D, it can't be A or B", "choice", "D"),
        ("It's not A because a square is no circle, so I think it's B", "choice", "B"),
        ("The answer is B or C", "choice", "B or C"),
        ("A rectangle is drawn. Therefore **D**.", "choice", "D"),
    ],
)
def test_a_text_states_its_final_answer(text: str, wanted: Wanted, answer: str) -> None:
    assert unboxed_answer(text, wanted) == answer


@pytest.mark.parametrize("text", ["", "I do not know.", "<think>the answer is 5", "...", "$ $"])
def test_a_text_without_an_answer_has_none(text: str) -> None:
    assert unboxed_answer(text, "number") is None


def test_only_extract_mode_reads_prose_and_a_box_still_wins() -> None:
    assert verify("The answer is 5.", "5", mode="extract")
    assert verify("The answer is 5.", "5").reason == "no_answer"
    assert not verify(r"I get \boxed{6}. The answer is 5.", "5", mode="extract")
    assert verify("The answer is 37 or 38.", "37", mode="extract").reason == "hedge"
    assert verify("The answer is B or C.", "B", mode="extract").reason == "hedge"
    assert verify("<think>The answer is 4.</think>The answer is 5.", "5", mode="extract")


@pytest.mark.parametrize(
    "piece", ["answer is ", "$1 a", "\\[", "answer: $", "**", "<answer>", "#### ", "5 or ", "(A) "]
)
def test_long_texts_are_read_in_linear_time(piece: str) -> None:
    started = time.perf_counter()
    for wanted in ("number", "choice", "expression"):
        unboxed_answer(piece * 100_000, wanted)
    assert time.perf_counter() - started < 10.0
