"""The ground truth, read once: its spellings for each stage, or a clear word on what is wrong with it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from dgpo.rewards import normalise, structure, words
from dgpo.rewards.extract import MAX_RESPONSE_CHARS, boxes_of_last_line
from dgpo.rewards.numeric import Quantity, read_number, split_unit


@dataclass(frozen=True, slots=True)
class Gold:
    """A readable ground truth: cleaned text, comparison key, and what else it may be read as.

    ``value`` is the text without a name (5 of ``x = 5``), ``body`` the value without its ``unit``.
    """

    text: str
    key: str
    value: str
    body: str
    unit: str
    number: Quantity | None
    words: str | None
    choice: str | None
    choices: frozenset[str] | None
    has_many_values: bool


def check_ground_truth(ground_truth: str) -> None:
    """Raise ValueError, with value and fault, for a ground truth that no answer can be checked against.

    For data preparation and preflight. It reads the text alone; what math-verify's grammar cannot read shows
    up as a ``bad_gold`` verdict of the symbolic stage.
    """
    fault = _fault(ground_truth)
    if fault:
        shown = ground_truth if len(ground_truth) <= 80 else ground_truth[:77] + "..."
        raise ValueError(f"ground truth {shown!r} {fault}; correct or drop this row of the data")


@lru_cache(maxsize=4096)
def read_gold(ground_truth: str) -> Gold | None:
    """The ground truth for each stage, or None where `check_ground_truth` would raise."""
    if _fault(ground_truth):
        return None
    text = normalise.clean(_content(ground_truth))
    value = structure.gold_value(text)
    body, unit = split_unit(value)
    return Gold(
        text=text,
        key=normalise.key(text),
        value=value,
        body=body,
        unit=unit,
        number=read_number(value),
        words=words.words(text),
        choice=words.choice(text) if re.match(r"[(\[]?[A-J]", normalise.plain(text)) else None,
        choices=words.choices(text),
        has_many_values=structure.has_many_values(text) or structure.has_many_values(value),
    )


def _content(ground_truth: str) -> str:
    boxed = boxes_of_last_line(ground_truth)
    return ", ".join(dict.fromkeys(boxed)) if boxed else ground_truth


def _fault(ground_truth: str) -> str:
    if len(ground_truth) > MAX_RESPONSE_CHARS:
        return f"has {len(ground_truth)} characters, over the limit of {MAX_RESPONSE_CHARS}"
    content = _content(ground_truth)
    if not normalise.clean(content).strip("${} "):
        return "is empty"
    if not normalise.balanced(content):
        return "has braces that do not close"
    return ""
