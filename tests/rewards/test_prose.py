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
        ("The final answer is 1,234.5 m.", "number", "1,234.5 m"),
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
    "piece",
    ["answer is ", "$1 a", "\\[", "answer: $", "**", "<answer>", "#### ", "5 or ", "(A) ", "Wait. ", "\n", "if 1,0 "],
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
    ("The answer is 5 * 3 = 15.", "15"),
    ("Answer: 5 + 10 = 15 dollars", "15"),
    ("#### 5 + 10 = 15", "15"),
    ("The answer is 2^10 = 1024.", "1024"),
    ("The answer is 3 × 10^5 m.", "300000"),
    ("Total = 3 books * $5 = $15.", "15"),
    ("Answer: $100 - $40 = $60", "60"),
    ("The answer is (x+1)(x-2).", "(x+1)(x-2)"),
    ("Therefore, the domain is [1, 2].", "[1,2]"),
    ("The solution is x > 2.", "x>2"),
    ("So the area is 9π/2 square units.", "\\frac{9\\pi}{2}"),
    ("The answer is 12 cm.", "12\\text{ cm}"),
    ("Thus x = 3 or x = 5.", "3, 5"),
    ("Thus x = 3 and y = 5.", "(3,5)"),
    ("The answer is negative 42.", "-42"),
    ("The probability is 1/3, or about 33.3%.", "1/3"),
    ("So the answer for n = 3 is 8.", "8"),
    ("It might seem that the answer is 42, but it's actually 43.", "43"),
    ("The answer is 42. Actually, it is 43.", "43"),
    ("**Answer:** $5$\n\nWait, I made an error. The correct value is $6$.", "6"),
    ("The answer is 42. Wait, let me double check: 6 * 7 = 42. Yes.", "42"),
    ("The answer is 7. No other values work.", "7"),
    ("x = 7. Check: 2*7 - 4 = 10. ✓", "7"),
    ("Since x > 0 and 3 + 1 = 4, the value is 9.", "9"),
    ("The remainder when 17 is divided by 5 is 2.", "2"),
    ("Half of 48 is 24.", "24"),
    ("Step 3: The total is 42.", "42"),
    ("So he needs to sell 7 more boxes.", "7"),
    ("He has 5 apples left", "5"),
    ("1. Add 5 and 7.\n2. The sum is 12.", "12"),
    ("The minimum value is 5 when x = 2.", "5"),
    ("Therefore, the correct option is **(b)** 0.5 A.", "B"),
    ("Therefore, there is no solution.", "no solution"),
    ("Yes, it is possible.", "yes"),
    ("No, it is not possible.", "no"),
    ("The statement is true.", "True"),
    ("Therefore, it will be Tuesday.", "Tuesday"),
    ("Hence $a = 7! \\times 2$. So $a = 10080$.", "10080"),
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
    ("The answer is 5 * 3 = 15.", "5"),
    ("The answer is 2^10.", "2"),
    ("The answer is 42π.", "42"),
    ("The answer is √2.", "2"),
    ("The answer is 2x + 1.", "2"),
    ("The answer is 3 - 2i.", "3"),
    ("Therefore, x > 2.", "2"),
    ("The answer is 12 m.", "12\\text{ cm}"),
    ("Thus x = 3 or x = 5.", "5"),
    ("The answer is a = 3, b = 5.", "5"),
    ("The answer is 5, or alternatively 3.", "5"),
    ("Answer: B, but could be C.", "B"),
    ("Let me count the pairs for n = 4", "4"),
    ("Suppose x = 5.", "5"),
    ("Is it 60?", "60"),
    ("It remains to show that x = 7.", "7"),
    ("## Step 3", "3"),
    ("1. Factor.\n2. Solve.\n3.", "3"),
    ("By Lemma 7, we are done.", "7"),
    ("See equation (7).", "7"),
    ("There is not enough information to tell, even with 7 clues.", "7"),
    ("There are 42 students. I cannot determine the answer.", "42"),
    ("We have $a+b=12$. Then we substitute", "12"),
    ("Since 10 squared is 100, we know that the next square is", "100"),
    ("The answer is 42. Actually, it is 43.", "42"),
    ("The answer is 42. Wait, that is wrong.", "42"),
    ("That gives 6. But that seems too small.", "6"),
    ("The answer is half of $5$.", "5"),
    ("The answer is $5$ squared.", "5"),
    ("The answer is 42 thousand.", "42"),
    ("The answer is $5$ out of $6$.", "5"),
    ("The answer is a multiple of 42.", "42"),
    ("The answer is 5 feet 6 inches.", "5"),
    ("The answer is 3 and a half.", "3"),
    ("The answer is $3$ for odd $n$ and $5$ for even $n$.", "3"),
    ("The answer is 3 if x > 0, otherwise 5.", "3"),
    ("So the answer for n = 3 is 8.", "3"),
    ("The answer should be an integer from 0 to 1000.", "1000"),
    ("To find the answer, we need to compute 2+3 = 5 and then multiply.", "5"),
    ("Maybe the answer is 5. I am not sure.", "5"),
    ("Hence x = 5 is extraneous.", "5"),
    ("Therefore, $x=5$ is not valid.", "5"),
    ("Thus, we reject $x = 5$.", "5"),
    ("Therefore A is eliminated.", "A"),
    ("Let's check option A.", "A"),
    ("The final temperature is 25 °C.", "C"),
    ("Therefore the current is 2 A.", "A"),
    ("It is neither 3 nor 5.", "5"),
    ("It can't be 3 or 5.", "5"),
    ("The statement is not true.", "True"),
    ("Is the statement true?", "True"),
    ("No, it is not possible.", "yes"),
    ("The answer will be found in 5 steps.", "5"),
    ("It holds for 5, so let me try x = 5.", "5"),
]


@pytest.mark.parametrize(("text", "gold"), STATED)
def test_the_stated_answer_is_compared_with_the_gold(text: str, gold: str) -> None:
    assert verify(text, gold, mode="extract", timeout=20.0)


@pytest.mark.parametrize(("text", "gold"), NOT_STATED)
def test_hedges_denials_and_earlier_numbers_are_no_answers(text: str, gold: str) -> None:
    assert not verify(text, gold, mode="extract", timeout=20.0)
