import pytest

from dgpo.data.instructions import leftover_instruction, strip_instructions
from dgpo.data.options import TEMPLATES

DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n{}\n\nRemember to put your answer on its "
    'own line after "Answer:".'
)
BOXED = r"a \boxed answer, in words of their own"
PROBLEM = r"Let $S = \{1, 2\}$. Find {x} where \frac{1}{2} = x."


@pytest.mark.parametrize("around", ["{}", DAPO, *TEMPLATES.values()])
def test_the_problem_survives_its_template_braces_and_all(around: str):
    text = around.replace("{problem}", PROBLEM).replace("{}\n\nRemember", f"{PROBLEM}\n\nRemember").strip()
    assert strip_instructions(PROBLEM if around == "{}" else text) == PROBLEM


AROUND = [
    "@\nPlease reason step by step, and put your final answer within \\boxed{}.",
    "@\nLet's think step by step and output the final answer within \\boxed{}.",
    "@\n please reason step by step, and put your final answer in \\boxed{}",
    '@\nLet\'s think step by step and output the final answer after "####".',
    "@ Let's think step by step.",
    r"@ Please put your final answer in \boxed{} at the end.",
    r"@ You FIRST think about the reasoning process as an internal monologue and then provide the final answer. "
    r"The final answer MUST BE put in \boxed{}.",
    "@ Show your work in <think> </think> tags. And return the final answer in <answer> </answer> tags, for example "
    "<answer> 3 </answer>.",
    "@\nYou must put your answer inside <answer> </answer> tags, i.e., <answer> answer here </answer>.",
    r"@\nPresent the answer in LaTex format: \boxed{Your answer}".replace(r"\n", "\n"),
    r"@ Simplify your answer as much as possible and put it in \\boxed{}.",
    r"@ You must put your answer inside \boxed{} and nothing else.",
    "@\n\nProvide your answer in the format: #### <number>",
    "@ /no_think",
    "@\n请逐步推理，并将最终答案写在 \\boxed{} 中。",
    "@\n请通过逐步推理来解答问题，并把最终答案放置于\\boxed{}中。",
    r"Please reason step by step, and put your final answer within \boxed{}. @",
    "Solve the following math problem efficiently and clearly. @",
    "Solve the following math problem efficiently and clearly.  The last line of your response should be of the "
    r"following format: 'Therefore, the final answer is: $\boxed{ANSWER}$. I hope it is correct' (without quotes) "
    "where ANSWER is just the final number or expression that solves the problem. Think step by step before "
    "answering.\n\n@",
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The answer is "
    "enclosed within <answer> </answer> tags. User: @\nAssistant: Let me solve this step by step.\n<think>",
    "Question: @\nAnswer:",
    "**Problem:** @",
    "问题：@\n答案：",
    "<|im_start|>user\n@<|im_end|>\n<|im_start|>assistant\n",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n@<|eot_id|>",
    "<｜User｜>@<｜Assistant｜><think>\n",
    "[INST] @ [/INST]",
]


@pytest.mark.parametrize("around", AROUND)
def test_whatever_others_put_around_a_problem_comes_off(around: str):
    bare = "Find the remainder when $2^{100}$ is divided by $7$."
    assert strip_instructions(around.replace("@", bare)) == bare


STAYS = {
    "What is $1/3+1/6$? Express your answer as a common fraction.": "",
    "Solve for $x$. Give your answer to the nearest tenth.": "",
    "A box contains 5 balls. Put the balls in a row. How many ways are there?": "",
    "Think of a number. Double it. What is it?": "",
    "Please find the sum of 1 and 2.": "",
    "Solve the following equation: $x+1=2$.": "",
    "Compute the sum. Answer: is it prime?": "",
    "Let's say that $x = 2$. What is $x$?": "",
    "请计算 1+1 的值。": "",
    # The labels of examples, an instruction in the middle, and nothing but one.
    "Q: 1+1?\nA: 2\n\nQ: 1+2?\nA:": "",
    r"Let $x=1$. Please reason step by step, and put your final answer within \boxed{}. What is $x+1$?": BOXED,
    TEMPLATES["r1"].replace("{problem}", "").strip(): BOXED,
}


@pytest.mark.parametrize(("problem", "told"), STAYS.items())
def test_what_is_part_of_the_problem_stays_and_an_instruction_in_it_is_told(problem: str, told: str):
    assert strip_instructions(problem) == problem
    assert leftover_instruction(problem) == told
