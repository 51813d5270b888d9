"""Rows of a parquet, Arrow, JSON, JSON lines or CSV file as dictionaries, one at a time."""

import csv
import io
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.data.orients import rows_of
from dgpo.errors import UserError, one_line
from dgpo.files import PACKED, disguise, each_key_once, json_lines, open_packed

FORMATS = (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""Suffixes of the files that can be read; where a source has the same rows in several, the first is taken. The text
formats may be packed: `.jsonl.gz`."""

_BINARY = FORMATS[:5]
_INSTEAD = {
    **dict.fromkeys((".xlsx", ".xls"), "save the sheet as CSV UTF-8"),
    **dict.fromkeys((".zip", ".tar", ".tgz"), "unpack it"),
    **dict.fromkeys((".pkl", ".pickle"), "write it with pandas' `to_parquet`"),
    ".txt": "write a line of JSON for each problem, as .jsonl",
}
_SEPARATORS = ";\t|"
_NEXT = re.compile(r"\s*\S")
_BATCH_ROWS = 8192
_MAX_CSV_FIELD = 1 << 24

Row = Mapping[str, Any]


def format_of(name: str) -> str:
    """The one of `FORMATS` that a file name says, packed or not; "" for none."""
    name = name.lower()
    for packing in PACKED:
        if name.endswith(packing):
            inner = format_of(name.removesuffix(packing))
            return "" if inner in _BINARY else inner
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), "")


def stem_of(path: Path) -> str:
    """The name of a file without format and packing, and of a folder."""
    name = Path(os.path.abspath(path)).name  # not the hash that a link in the hub's cache leads to
    if path.is_dir() or not format_of(name):
        return name
    for packing in PACKED:
        name = name.removesuffix(packing)
    return Path(name).stem


def read_rows(
    path: Path, columns: Collection[str] | None = None, also: Callable[[str], bool] = lambda name: False
) -> Iterator[Row]:
    """The rows of a file in order. Of a parquet file only those of `columns` that it has are read, and those of whose
    names `also` says so.

    Raises UserError, with file, place and remedy, for a file that is damaged, cut short, absent or of another format.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give one of {', '.join(FORMATS)}")
    suffix = format_of(path.name)

    def chosen(found: Sequence[str]) -> list[str]:
        refuse_repeated_columns(path, found)
        return [name for name in found if columns is None or name in columns or also(name)]

    try:
        if suffix in _BINARY:
            name = "parquet" if suffix in (".parquet", ".pq") else "Arrow"
            try:
                yield from (_parquet if name == "parquet" else _arrow)(path, chosen)
            except (pa.ArrowException, OSError) as error:
                fault = f"cannot be read as {name} ({one_line(error)}); copy it again"
                what = disguise(path)
                raise UserError(f"{path}: it {what}" if what else f"{path} {fault}") from error
        elif suffix in (".jsonl", ".ndjson"):
            yield from (row for _, row in json_lines(path))
        elif suffix == ".json":
            yield from _json(path, columns or ())
        elif suffix:
            yield from _csv(path, "\t" if suffix == ".tsv" else ",")
        else:
            last = path.suffix.lower()
            remedy = _INSTEAD.get(last) or ("unpack it" if last in PACKED else f"give {', '.join(FORMATS)}")
            raise UserError(f"{path}: {last or 'a file without a suffix'} is not read; {remedy}")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({one_line(error)}); convert it, or copy it again") from error


def count_rows(paths: Iterable[Path]) -> int | None:
    """How many rows parquet files have by their footers; None where one is another file, or cannot be read."""
    try:
        return sum(pq.read_metadata(path.expanduser()).num_rows for path in paths)
    except (pa.ArrowException, OSError):
        return None


def _parquet(path: Path, chosen: Callable[[Sequence[str]], list[str]]) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        wanted = chosen(found := file.schema_arrow.names)
        yield from _rows_of_batches(file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted), wanted, found)


def _arrow(path: Path, chosen: Callable[[Sequence[str]], list[str]]) -> Iterator[Row]:
    """Feather files, and the streams that the datasets library's `save_to_disk` writes."""
    with pa.memory_map(str(path)) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        batches = (reader.get_batch(at) for at in range(reader.num_record_batches)) if is_file else reader
        yield from _rows_of_batches(batches, chosen(reader.schema.names), reader.schema.names)


def _rows_of_batches(batches: Any, wanted: Sequence[str], found: Sequence[str]) -> Iterator[Row]:
    """The rows of record batches. The first row also has, as None, the columns that are not read: a caller who misses
    a column can then name those that there are; where none is read it is the only one."""
    if not wanted:
        yield dict.fromkeys(found)
        return
    unread = dict.fromkeys(name for name in found if name not in wanted)
    for batch in batches:
        batch.validate(full=True)
        batch = batch.select([name for name in batch.schema.names if name in wanted])
        fixes = {field.name: fix for field in batch.schema if (fix := _decimal_rounder(field.type))}
        fixes |= _label_names(batch.schema)
        for row in batch.to_pylist(maps_as_pydicts="strict"):
            for name, fix in fixes.items():
                row[name] = fix(row[name])
            yield {**unread, **row}
            unread = {}


def _label_names(schema: pa.Schema) -> dict[str, Callable[[Any], Any]]:
    """By column, a function from the number by which the datasets library stores a `ClassLabel` to its name."""
    try:
        metadata = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except ValueError:  # then no labels are known, and the numbers stand
        return {}
    features = (metadata.get("info") or {}).get("features") or {}
    names = {column: each.get("names") for column, each in features.items() if isinstance(each, dict)}
    return {
        column: lambda value, words=words: words[value] if isinstance(value, int) and 0 <= value < len(words) else value
        for column, words in names.items()
        if words and column in schema.names
    }


def _decimal_rounder(type: pa.DataType) -> Callable[[Any], Any] | None:
    """A function that gives the shortest decimal of a half- or single-precision value, 0.1 for 0.0999755859375, also
    within lists and structs; None for a type without such values."""
    if pa.types.is_float16(type) or pa.types.is_float32(type):
        narrow = np.float16 if pa.types.is_float16(type) else np.float32
        return lambda value: None if value is None else float(str(narrow(value)))
    if pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type):
        if item := _decimal_rounder(type.value_type):
            return lambda values: None if values is None else [item(value) for value in values]
    elif pa.types.is_struct(type):
        fields = {field.name: fix for field in type if (fix := _decimal_rounder(field.type))}
        if fields:
            return lambda row: row and {**row, **{name: fix(row[name]) for name, fix in fields.items()}}
    return None


def _json(path: Path, columns: Collection[str]) -> Iterator[Row]:
    with open_packed(path) as file:
        documents = list(_documents(file.read().decode("utf-8-sig"), path))
    content = documents[0] if len(documents) == 1 else documents
    try:
        rows = rows_of(content, columns)
    except ValueError as error:
        raise UserError(f"{path} holds no whole table ({error}); mend it, or download the data's own file") from error
    if rows is None:
        raise UserError(f"{path} holds a {type(content).__name__}; make it a list of objects, one a problem")
    for place, row in enumerate(rows):
        if isinstance(row, list):
            row = {str(at): cell for at, cell in enumerate(row)}  # as the hub names them
        if not isinstance(row, dict):
            raise UserError(f"{path}, item {place} is a {type(row).__name__}; make it an object, its columns by name")
        yield row


def _documents(text: str, path: Path) -> Iterator[Any]:
    """One JSON document after another, be they lines or not."""
    decoder, at = json.JSONDecoder(object_pairs_hook=each_key_once), 0
    while rest := _NEXT.match(text, at):
        try:
            content, at = decoder.raw_decode(text, rest.end() - 1)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no JSON ({error}); mend it there, or copy it again") from error
        yield content


def _csv(path: Path, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CSV_FIELD)
    with open_packed(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as lines:
        head = lines.readline()
        if head.lower().startswith("sep="):  # Excel's own word on its separator
            head = lines.readline()
        if delimiter not in head:  # as spreadsheets write it where the comma is the decimal point
            delimiter = next((sign for sign in _SEPARATORS if sign in head), delimiter)
        rest = itertools.chain([head], lines)
        reader = csv.DictReader(rest, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            refuse_repeated_columns(path, list(filter(None, reader.fieldnames)))  # one without a name is not asked for
            for row in reader:
                if list(row.values()) == [*row]:  # the first line again, where files were put together
                    continue
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


def refuse_repeated_columns(path: Path, names: Sequence[str]) -> None:
    """Raises UserError where two columns have one name: only one of them would be read."""
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise UserError(f"{path} has more than one column {', '.join(map(repr, doubled))}; rename all but one of them")
