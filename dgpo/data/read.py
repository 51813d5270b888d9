"""Rows of a parquet, JSON, JSON lines or CSV file as dictionaries, one at a time."""

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.errors import UserError
from dgpo.files import json_lines

FORMATS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""Suffixes of the files that can be read; where a folder has the same rows in several, the first is taken."""

_BATCH_ROWS = 8192
_MAX_CSV_FIELD = 1 << 24

Row = Mapping[str, Any]


def read_rows(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """The rows of a file in order. Of a parquet file only those of `columns` that it has are read.

    Raises UserError, with file, place and remedy, for a file that is damaged, cut short, absent or of another format.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give one of {', '.join(FORMATS)}")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            try:
                yield from _parquet(path, columns)
            except (pa.ArrowException, OSError) as error:
                raise UserError(f"{path} cannot be read as parquet ({_short(error)}); copy it again") from error
        elif suffix in (".jsonl", ".ndjson"):
            yield from (row for _, row in json_lines(path))
        elif suffix == ".json":
            yield from _json(path)
        elif suffix in (".csv", ".tsv"):
            yield from _csv(path, "\t" if suffix == ".tsv" else ",")
        else:
            raise UserError(f"{path}: {suffix or 'a file without a suffix'} is not read; give {', '.join(FORMATS)}")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({_short(error)}); convert it, or copy it again") from error


def count_rows(path: Path) -> int | None:
    """How many rows a parquet file has by its footer; None for other files, and where it cannot be read."""
    try:
        return pq.read_metadata(path).num_rows if path.suffix.lower() == ".parquet" else None
    except (pa.ArrowException, OSError):
        return None


def _parquet(path: Path, columns: Collection[str] | None) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        found = file.schema_arrow.names
        wanted = [name for name in found if columns is None or name in columns]
        if not wanted:
            # A row without columns is no row to pyarrow, and the error is the caller's to word.
            yield dict.fromkeys(found)
            return
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            batch.validate(full=True)
            yield from batch.to_pylist()


def _json(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data") and text.lstrip().startswith("{"):
            yield from (row for _, row in json_lines(path))
            return
        raise UserError(f"{path} is no JSON ({error}); it may have been cut short: copy it again") from error
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) == len(content) > 1 and len(set(map(len, lists))) == 1:
            content = [dict(zip(content, values, strict=True)) for values in zip(*lists, strict=True)]
        else:
            # Of a wrapped table, not of a single problem with its tags.
            tables = [each for each in lists if each and all(isinstance(item, dict) for item in each)]
            content = tables[0] if len(tables) == 1 else [content]
    if not isinstance(content, list):
        raise UserError(f"{path} holds a {type(content).__name__}; make it a list of objects, one a problem")
    for place, row in enumerate(content):
        if not isinstance(row, dict):
            raise UserError(f"{path}, item {place} is a {type(row).__name__}; make it an object, its columns by name")
        yield row


def _csv(path: Path, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CSV_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise UserError(
                        f"{path}, line {reader.line_num}: the row has not as many fields as the first line; "
                        "put fields with a comma or a line break in double quotes"
                    )
                yield row
        except csv.Error as error:
            raise UserError(
                f"{path}, after line {reader.line_num}: {error}; mend the quotes or copy it again"
            ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
