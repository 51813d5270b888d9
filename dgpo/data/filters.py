"""Which of the distinct problems are written: those that can be checked, are short enough, and are drawn."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dgpo.data.answers import ground_truth_faults
from dgpo.data.duplicates import Entry, Tally, drop_where
from dgpo.data.prompts import chat_tokenizer
from dgpo.errors import UserError


def with_readable_answer(entries: Sequence[Entry], tally: Tally) -> list[Entry]:
    """Those whose ground truth verifies against itself and can be compared (`ground_truth_faults`)."""
    faults = ground_truth_faults([entry.ground_truth for entry in entries])

    def reason_to_drop(entry: Entry) -> tuple[str, dict[str, Any]] | None:
        fault = next(faults)
        return ("unreadable answer", {"answer": entry.ground_truth, "fault": fault}) if fault else None

    return drop_where(entries, "checking answers", reason_to_drop, tally)


def with_short_prompt(
    entries: Sequence[Entry], most: int, unit: str, length: Callable[[str], int], tally: Tally
) -> list[Entry]:
    """Those whose problem has a prompt of a `length` (in `unit`) of at most `most`."""

    def reason_to_drop(entry: Entry) -> tuple[str, dict[str, Any]] | None:
        measured = length(entry.first.problem)
        return ("prompt too long", {unit: measured}) if measured > most else None

    return drop_where(entries, "measuring prompts", reason_to_drop, tally)


def token_counter(folder: Path) -> Callable[[str], int]:
    """Counts the tokens of a user message as the chat template renders it, the start of the response included.

    Raises UserError where there is no tokenizer, or no chat template that renders.
    """
    if not folder.is_dir():
        raise UserError(f"tokenizer={folder}: there is no such folder; give a Hugging Face model folder")
    tokenizer = chat_tokenizer(folder, f"tokenizer={folder}")

    def count(user: str) -> int:
        messages: Any = [{"role": "user", "content": user}]
        return len(
            tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        )

    try:
        count("1+1=?")
    except Exception as error:  # jinja's, and whatever a template raises itself
        raise UserError(f"tokenizer={folder}: its chat template renders no prompt ({error!s:.200}); mend it") from error
    return count


def sample_entries(entries: Sequence[Entry], limit: int, seed: int, tally: Tally) -> list[Entry]:
    """At most `limit` of them, drawn without replacement, in their order."""
    if limit >= len(entries):
        return list(entries)
    tally.dropped["beyond the limit"] += len(entries) - limit
    return [entries[place] for place in sorted(random.Random(seed).sample(range(len(entries)), limit))]
