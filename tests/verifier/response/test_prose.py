import time

import pytest

from dgpo.verifier.response.prose import Wanted, unboxed_answer


@pytest.mark.parametrize(
    ("text", "wanted", "answer"),
    [
        ("Answer: 5", "number", "5"),
        ("We add. The answer is 5. I hope it is correct.", "number", "5"),
        ("The answer is 5 because 2+3=5.", "number", "5"),
        ("The final answer is 1,234.5 m.", "number", "1,234.5 m"),
        ("Final Answer: the volume of $ABCD$ is 120.", "number", "120"),
        ("**Answer:** 3/4", "number", "3/4"),
        ("**Total:** 20 + 80 + 160 = **260 sheep**", "number", "20 + 80 + 160 = 260"),
        ("So there are 12 + 5 = *17 apples* left.", "number", "12 + 5 = 17"),
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


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("I don't think it is 7. The answer is 5.", "5"),
        ("I first thought the answer is 7, but 5.", "5"),
        ("The answer is ~~7~~ 5.", "5"),
        ("The answer is 5 pi.", "5 pi"),
        ("如果答案是6，则矛盾。所以答案是5。", "5"),
        ("答案是5或7。", "5 or 7"),
        ("Answer: 5; 7", "5, 7"),
        ("So the answer is 5, no, 7.", "5, 7"),
        ("The answer is 5, not 7.", "5"),
        ("10 and then 42", "42"),
        ("The answer should be close to 5.", None),
        ("Only 5 fails.", None),
        ("I don't think the answer is 5.", None),
        ("It's false that the answer is 5.", None),
        ("Wrong answer: 5.", None),
        ("An upper bound for the answer is 5.", None),
        ("We want to show that the answer is 5.", None),
        ("The answer is 5. Hmm, this can't be right.", None),
        ("答案大于5。", None),
        ("假设答案是5。", None),
        ("La respuesta no es 5.", None),
    ],
)
def test_a_denied_answer_is_none(text: str, answer: str | None) -> None:
    assert unboxed_answer(text, "number") == answer


@pytest.mark.parametrize("text", ["", "I do not know.", "...", "$ $"])
def test_a_text_without_an_answer_has_none(text: str) -> None:
    assert unboxed_answer(text, "number") is None


@pytest.mark.parametrize(
    "piece",
    ["answer is ", "$1 a", "\\[", "answer: $", "**", "<answer>", "#### ", "5 or ", "(A) ", "Wait. ", "\n", "if 1,0 "],
)
def test_long_texts_are_read_in_linear_time(piece: str) -> None:
    started = time.perf_counter()
    for wanted in ("number", "choice", "expression"):
        unboxed_answer(piece * 100_000, wanted)
    assert time.perf_counter() - started < 10.0
