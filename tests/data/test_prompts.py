import pytest

from dgpo.data.prompts import TEMPLATES, find_template, render, strip_instructions
from dgpo.errors import UserError

DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n{}\n\nRemember to put your answer on its "
    'own line after "Answer:".'
)
PROBLEM = r"Let $S = \{1, 2\}$. Find {x} where \frac{1}{2} = x."


@pytest.mark.parametrize("around", ["{}", DAPO, *TEMPLATES.values()])
def test_the_problem_survives_its_template_braces_and_all(around: str):
    text = around.replace("{problem}", PROBLEM).replace("{}\n\nRemember", f"{PROBLEM}\n\nRemember").strip()
    assert strip_instructions(PROBLEM if around == "{}" else text) == PROBLEM


@pytest.mark.parametrize(
    "instruction",
    [
        r"Please reason step by step, and put your final answer within \boxed{}.",
        r"Let's think step by step and output the final answer within \boxed{}.",
        r" please reason step by step, and put your final answer in \boxed{}",
    ],
)
def test_other_people_s_boxed_instructions_come_off(instruction: str):
    assert strip_instructions(f"{PROBLEM}\n{instruction}") == PROBLEM


def test_a_text_that_is_only_an_instruction_stays():
    only = TEMPLATES["r1"].replace("{problem}", "").strip()
    assert strip_instructions(only) == only


def test_an_instruction_in_the_middle_is_part_of_the_problem():
    text = r"Please reason step by step, and put your final answer within \boxed{}. What is 1+1?"
    assert strip_instructions(text) == text


def test_the_r1_template_is_the_problem_and_the_request_for_a_box():
    assert render(TEMPLATES["r1"], "1+1=?") == (
        "1+1=?\nPlease reason step by step, and put your final answer within \\boxed{}."
    )


def test_an_own_template_keeps_its_other_braces():
    name, text = find_template(r"Q: {problem} Use \boxed{}.")
    assert name == "custom"
    assert render(text, "{problem}?") == r"Q: {problem}? Use \boxed{}."


@pytest.mark.parametrize("text", ["", "r2", "Solve this.", "{problem} {problem}"])
def test_a_template_without_one_place_for_the_problem_is_refused(text: str):
    with pytest.raises(UserError, match="use one of r1, none, or a text"):
        find_template(text)
