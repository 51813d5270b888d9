import pytest

from dgpo.data.options import TEMPLATES, find_template, render
from dgpo.errors import UserError


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
