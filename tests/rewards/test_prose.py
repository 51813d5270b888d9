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


STATED = [
    ("The answer is 42.", "42"),
    ("Answer: 42", "42"),
    ("ANSWER: 42", "42"),
    ("answer = 42", "42"),
    ("**Final Answer**: 42", "42"),
    ("**Final Answer:** $42$", "42"),
    ("### Final Answer\n42", "42"),
    ("### Final Answer\n\n$42$", "42"),
    ("Final answer\n\n**42**", "42"),
    ("So we have 6*7 = 42 apples.", "42"),
    ("Therefore, there are 42 apples in the basket.\n\nI hope this helps!", "42"),
    ("#### 42", "42"),
    ("#### 42 apples", "42"),
    ("blah #### 42", "42"),
    ("<answer>42</answer>", "42"),
    ("<answer> \\boxed{42} </answer>", "42"),
    ("<answer>The result is 42</answer>", "42"),
    ("The final answer is: $\\frac{84}{2}$", "42"),
    ("The answer is 1/2", "\\frac{1}{2}"),
    ("The answer is one half, i.e., $\\frac12$.", "\\frac{1}{2}"),
    ("Thus the probability is $\\dfrac{1}{2}$.", "0.5"),
    ("So $f(x) = x^2+1$.", "x^2+1"),
    ("The solution is $(x, y) = (1, 2)$.", "(1,2)"),
    ("So x = 1 and y = 2.\nAnswer: (1, 2)", "(1,2)"),
    ("The answer is $[0,1)$.", "[0,1)"),
    ("The length is $\\sqrt 2$ units.", "\\sqrt{2}"),
    ("The correct answer is B.", "B"),
    ("Answer: (B)", "B"),
    ("The answer is option B", "B"),
    ("The best choice is B) Paris", "B"),
    ("**B**", "B"),
    ("B", "B"),
    ("(B)", "B"),
    ("So the correct choice is (B) 12.", "B"),
    ("Therefore, the answer is B: the mitochondria", "B"),
    ("Answer: **B**", "B"),
    ("I would choose option B.", "B"),
    ("The answer is $\\text{B}$.", "B"),
    ("The answer is \\textbf{(B)}.", "B"),
    ("ANSWER: C", "C"),
    ("The total is $12,000.", "12000"),
    ("She earned $12,000 in total.", "12000"),
    ("That is 25%.", "25"),
    ("25 percent of the students", "25\\%"),
    ("Janet makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18", "18"),
    ("x equals -3", "-3"),
    ("so x = −3", "-3"),
    ("It takes 3.5 hours.", "3.5"),
    ("Let me verify: 3+4=7. Yes, the answer is 7!", "7"),
    ("The answer is 7 (seven).", "7"),
    ("Hence, \\[ x = 7. \\]", "7"),
    ("Hence,\n\\[\nx = 7\n\\]\nwhich is our answer.", "7"),
    ("The solutions are $x=1$ and $x=2$.", "1,2"),
    ("The roots are 1 and 2.", "1,2"),
    ("So the area is $\\pi$.", "\\pi"),
    ("The answer is 10:30", "10:30"),
    ("The answer is yes.", "yes"),
    ("Answer: Yes", "yes"),
    ("La respuesta es 42.", "42"),
    ("答案：42", "42"),
    ("所以答案是42。", "42"),
    ("Die Antwort ist 42.", "42"),
    ("答えは42です。", "42"),
    ("Ответ: 42", "42"),
    ("정답은 42입니다.", "42"),
    ("A resposta é 42.", "42"),
    ("الجواب هو 42", "42"),
]
NOT_STATED = [
    ("The answer is 43.", "42"),
    ("Answer: 42 or 43", "42"),
    ("It is either 42 or 43.", "42"),
    ("The answer is not 42.", "42"),
    ("We computed 42 first, but the answer is 41.", "42"),
    ("The answer is A or B.", "B"),
    ("The answer is C.", "B"),
    ("Not B.", "B"),
    ("<think>the answer is 42", "42"),
    ("I computed 42. Then the final result was 40.", "42"),
    ("no answer", "42"),
    ("", "42"),
    ("So f(x) = $x^2-1$.", "x^2+1"),
    ("The solution is $(2,1)$.", "(1,2)"),
    ("42, 43", "42"),
    ("The answer is 5 and 6.", "5"),
    ("A, B, C and D are all possible.", "B"),
    ("The answer is 42 or maybe 43.", "42"),
    ("The answer is between 40 and 42", "42"),
]


@pytest.mark.parametrize(("text", "gold"), STATED)
def test_the_stated_answer_is_compared_with_the_gold(text: str, gold: str) -> None:
    assert verify(text, gold, mode="extract", timeout=20.0)


@pytest.mark.parametrize(("text", "gold"), NOT_STATED)
def test_hedges_denials_and_earlier_numbers_are_no_answers(text: str, gold: str) -> None:
    assert not verify(text, gold, mode="extract", timeout=20.0)
