"""Rows of a JSON lines file with responses and ground truths, read one at a time and checked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 64 << 20


class InputError(ValueError):
    """The input cannot be used; the message names the file, the line, the key and the remedy."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields of a row. ``verdict`` is the one that is added."""

    response: str = "response"
    ground_truth: str = "ground_truth"
    expected: str = "expected"
    verdict: str = "verdict"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its number from 1, all its fields, what is compared, and the label if it has one."""

    line: int
    fields: dict[str, Any]
    response: str
    ground_truth: str
    expected: bool | None


def read_rows(
    path: Path,
    fields: Fields,
    *,
    on_bad: Callable[[InputError], None] | None = None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Iterator[Row]:
    """The rows of ``path`` in order; blank lines are left out. Never more than one line in memory.

    Args:
        on_bad: Told of a line that cannot be used, which is then left out; without it the first one raises.
        on_bytes: Told how many bytes each line had.

    Raises:
        InputError: there is no such file, or a line cannot be used and ``on_bad`` is None.
    """
    try:
        yield from _lines(path, fields, on_bad, on_bytes)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a JSON lines file of responses") from error


def _lines(
    path: Path, fields: Fields, on_bad: Callable[[InputError], None] | None, on_bytes: Callable[[int], None]
) -> Iterator[Row]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            on_bytes(len(line))
            if not line.strip():
                continue
            try:
                yield _row(line, number, f"{path}, line {number}", fields)
            except InputError as error:
                if on_bad is None:
                    raise
                on_bad(error)
                while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                    on_bytes(len(line))


def _row(line: bytes, number: int, place: str, fields: Fields) -> Row:
    if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
        raise InputError(f"{place} is longer than {MAX_LINE_BYTES >> 20} MiB; split the file into lines, or drop it")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits and bad UTF-8 are ValueErrors too
        cut = "" if line.endswith(b"\n") else "; the file ends in this line, so it was probably cut short"
        raise InputError(
            f"{place} is no JSON ({str(error)[:200]}){cut}; mend the line, or pass --skip-bad-rows"
        ) from error
    if not isinstance(row, dict):
        raise InputError(f"{place} is {type(row).__name__}, not an object; write one object a line")
    for option, name in (("--response-field", fields.response), ("--ground-truth-field", fields.ground_truth)):
        if name not in row:
            raise InputError(f"{place} has no {name!r} (keys: {_shown(', '.join(row))}); name the field by {option}")
        if not isinstance(row[name], str):
            kind = type(row[name]).__name__
            raise InputError(f"{place}: {name}={_shown(repr(row[name]))} is {kind}; write it as a string")
    if fields.verdict in row:
        raise InputError(f"{place} has a field {fields.verdict!r} already; choose another by --verdict-field")
    expected = row.get(fields.expected)
    if expected is not None and expected not in (0, 1):
        raise InputError(
            f"{place}: {fields.expected}={_shown(repr(expected))} is no label; write true, false, 1, 0 or null, "
            "or name another field by --expected-field"
        )
    return Row(
        number, row, row[fields.response], row[fields.ground_truth], None if expected is None else bool(expected)
    )


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
