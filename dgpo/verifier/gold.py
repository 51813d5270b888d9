"""The ground truth, read once: its spellings for each stage, or a clear word on what is wrong with it."""

import re
from functools import cached_property, lru_cache

from dgpo.verifier import normalise, structure, words
from dgpo.verifier.extract import MAX_RESPONSE_CHARS, boxes_of_last_line
from dgpo.verifier.numeric import Quantity, read_number, split_unit


class Gold:
    """A readable ground truth: cleaned text, comparison key, and what else it may be read as, on the first need."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.key = normalise.key(text)

    @cached_property
    def value(self) -> str:
        """The text without a name: 5 of ``x = 5``."""
        return structure.gold_value(self.text)

    @cached_property
    def _body_and_unit(self) -> tuple[str, str]:
        return split_unit(self.value)

    @property
    def body(self) -> str:
        """The value without its unit."""
        return self._body_and_unit[0]

    @property
    def unit(self) -> str:
        return self._body_and_unit[1]

    @cached_property
    def number(self) -> Quantity | None:
        return read_number(self.value)

    @cached_property
    def phrase(self) -> str | None:
        return words.phrase(self.text)

    @cached_property
    def choice(self) -> str | None:
        return words.choice(self.text) if re.match(r"[(\[]?[A-J]", normalise.plain(self.text)) else None

    @cached_property
    def choices(self) -> frozenset[str] | None:
        return words.choices(self.text)

    @cached_property
    def has_many_values(self) -> bool:
        return structure.has_many_values(self.text) or structure.has_many_values(self.value)


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
    return Gold(normalise.clean(_content(ground_truth)))


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
