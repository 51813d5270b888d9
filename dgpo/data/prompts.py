r"""Prompt templates: the text around a problem, and the instructions of others that are taken off first.

The reward reads the last `\boxed{}` of a response, so a template should ask for one.
"""

import re

from dgpo.errors import UserError

PLACEHOLDER = "{problem}"

TEMPLATES = {
    # What the authors of DeepSeek-R1 and its distilled models advise; they advise against a system prompt.
    "r1": PLACEHOLDER + "\nPlease reason step by step, and put your final answer within \\boxed{}.",
    "none": PLACEHOLDER,
}

# Of DAPO-Math-17k, and of AIME-2024 by the same authors: it asks for "Answer: ...", which earns no reward here.
_DAPO_BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of the form "
    "Answer: $Answer (without quotes) where $Answer is the answer to the problem."
)
_DAPO_AFTER = 'Remember to put your answer on its own line after "Answer:".'
_BOXED_AFTER = re.compile(
    r"\s*(?:please |let's )?(?:reason|think) step by step,?(?: and)? "
    r"(?:please )?(?:put|output) (?:your|the) final answer (?:with)?in \\boxed\{\}\.?\s*\Z",
    re.IGNORECASE,
)


def find_template(text: str) -> tuple[str, str]:
    """Name and text of a template: one of `TEMPLATES`, or "custom" for a text with `{problem}` in it.

    Raises UserError for any other text.
    """
    if text in TEMPLATES:
        return text, TEMPLATES[text]
    if text.count(PLACEHOLDER) != 1:
        raise UserError(
            f"template={text!r}: use one of {', '.join(TEMPLATES)}, or a text that has {PLACEHOLDER} in it once"
        )
    return "custom", text


def render(template_text: str, problem: str) -> str:
    """The user message: the template with the problem in place of `{problem}`; other braces stay as they are."""
    return template_text.replace(PLACEHOLDER, problem)


def strip_instructions(text: str) -> str:
    r"""The bare problem: DAPO's "Answer:" template and a final request for `\boxed{}` are taken off.

    A text that is nothing but an instruction is returned as it is.
    """
    bare = text.strip()
    bare = bare.removeprefix(_DAPO_BEFORE).removesuffix(_DAPO_AFTER).strip()
    if r"\boxed{}" in bare:
        bare = _BOXED_AFTER.sub("", bare).strip()
    return bare or text.strip()
