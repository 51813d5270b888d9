r"""Prompt templates: the text around a problem.

The reward reads the last `\boxed{}` of a response, so a template should ask for one.
"""

from dgpo.errors import UserError

PLACEHOLDER = "{problem}"

TEMPLATES = {
    # What the authors of DeepSeek-R1 and its distilled models advise; they advise against a system prompt.
    "r1": PLACEHOLDER + "\nPlease reason step by step, and put your final answer within \\boxed{}.",
    "none": PLACEHOLDER,
}


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
