r"""Prompt templates: the text around a problem; and the tokenizer whose chat template is around that.

The reward reads the last `\boxed{}` of a response, so a template should ask for one.
"""

from pathlib import Path
from typing import Any

from dgpo.errors import UserError, loading

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


def chat_tokenizer(folder: Path, option: str) -> Any:
    """The tokenizer of a model's folder.

    Raises UserError, which begins with the option, where it cannot be loaded or has no chat template.
    """
    from transformers import AutoTokenizer

    with loading("tokenizer", option, "give a whole model folder"):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    templates = tokenizer.chat_template
    if not (templates.get("default") if isinstance(templates, dict) else templates):
        raise UserError(
            f"{option}: its tokenizer has no chat template, so its prompts would not be the ones that it was trained "
            "on; choose an instruction-tuned model, or add chat_template.jinja to its folder"
        )
    return tokenizer
