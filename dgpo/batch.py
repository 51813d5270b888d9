"""What is in a batch of verl's: whose row each key names, which rows are padding, and the values of a column."""

from collections.abc import Iterable, Mapping
from typing import Any


def split_key(key: str) -> tuple[str, str, str]:
    """Prompt, session and row of the session, from verl's key ``prompt_session_row``."""
    prompt, session, row = key.rsplit("_", 2)
    return prompt, session, row


def padding_of(tags: Iterable[Mapping[str, Any]]) -> list[bool]:
    """Whether verl has added each row to fill up the batch."""
    return [bool(tag.get("is_padding", False)) for tag in tags]


def values_of(column: Any) -> list[Any]:
    """The values of a column of any kind: the storage gives them as they are, or in tensordict's wrappers."""
    return [getattr(each, "data", each) for each in column]
