"""Reads and checks the rows of a JSON lines file with responses and ground truths, one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.files import json_lines

TABLES = (".parquet", ".pq", ".arrow", ".csv", ".tsv", ".xlsx")


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


def read_rows(path: Path, names: Fields, *, on_bad: Callable[[UserError], None] | None = None) -> Iterator[Row]:
    """The rows of ``path`` in order; blank lines are left out. Never more than one line in memory.

    Args:
        on_bad: Called for a line that cannot be used, which is then left out; without it the first one raises.

    Raises:
        UserError: the file cannot be read, or a line cannot be used and ``on_bad`` is None.
    """
    if path.suffix.lower() in TABLES:
        raise UserError(
            f"{path} is no file of JSON lines; write it so: pandas' to_json(OUT, orient='records', lines=True)"
        )
    for line, fields in json_lines(path, on_bad=on_bad):
        if fault := _fault(fields, names):
            error = UserError(f"{path}, line {line}{fault}")
            if on_bad is None:
                raise error
            on_bad(error)
            continue
        expected = fields.get(names.expected)
        label = None if expected is None else bool(expected)
        yield Row(line, fields, fields[names.response], fields[names.ground_truth], label)


def _fault(fields: dict[str, Any], names: Fields) -> str | None:
    """Why a row cannot be verified, None where it can."""
    for option, name in (("--response-field", names.response), ("--ground-truth-field", names.ground_truth)):
        if name not in fields:
            return f" has no {name!r} (keys: {', '.join(fields):.80}); name the field by {option}"
        if not isinstance(fields[name], str):
            return f": {name}={fields[name]!r:.80} is {type(fields[name]).__name__}; write it as a string"
    if names.verdict in fields:
        return f" has a field {names.verdict!r} already; choose another by --verdict-field"
    expected = fields.get(names.expected)
    if expected is not None and expected not in (0, 1):
        return (
            f": {names.expected}={expected!r:.80} is no label; write true, false, 1, 0 or null, "
            "or name another field by --expected-field"
        )
    return None
