import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgpo.data.read import count_rows, read_rows
from dgpo.errors import UserError

ROWS = [{"problem": '1, 2\n"3" ½', "answer": "7"}, {"problem": "", "answer": "8"}]


def written(path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif path.suffix in (".csv", ".tsv"):
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ROWS[0], delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(ROWS)
    elif path.name == "columns.json":
        path.write_text(json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}))
    elif path.name == "list.json":
        path.write_text(json.dumps(ROWS, indent=1))
    elif path.name == "wrapped.json":
        path.write_text(json.dumps({"version": 1, "data": ROWS}))
    else:  # JSON lines, under whatever name
        path.write_text("\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), encoding="utf-8")
    return path


NAMES = ["a.parquet", "a.csv", "a.tsv", "a.jsonl", "a.ndjson", "list.json", "wrapped.json", "columns.json", "A.JSONL"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_rows_come_out_of_every_format(name: str, tmp_path: Path):
    assert [dict(row) for row in read_rows(written(tmp_path / name))] == ROWS


def test_json_lines_may_be_called_json(tmp_path: Path):
    path = tmp_path / "lines.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert list(read_rows(path)) == ROWS


@pytest.mark.parametrize("more", [{"tags": ["algebra"]}, {"tags": []}, {"solution": {"steps": ["One."]}}])
def test_a_single_object_is_a_row_with_its_lists(more: dict[str, object], tmp_path: Path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps({**ROWS[0], **more}))
    assert list(read_rows(path)) == [{**ROWS[0], **more}]


def test_only_the_columns_asked_for_are_read(tmp_path: Path):
    path = written(tmp_path / "a.parquet")
    assert list(read_rows(path, {"answer", "absent"})) == [
        {"problem": None, "answer": "7"},  # the names of all columns, for a message that one is missing
        {"answer": "8"},
    ]
    assert list(next(iter(read_rows(path, {"absent"})))) == ["problem", "answer"]


def test_rows_are_counted_where_that_is_free(tmp_path: Path):
    assert count_rows([written(tmp_path / "a.parquet")] * 2) == 4
    assert count_rows([written(tmp_path / "a.parquet"), written(tmp_path / "a.jsonl")]) is None


FAULTS = {
    "cut.jsonl": (b'{"a": 1}\n{"a": 2}\n{"a": ', r"cut\.jsonl, line 3 is no JSON .*cut short"),
    "middle.jsonl": (b'{"a": 1}\n{"a": 2\n{"a": 3}\n', r"middle\.jsonl, line 2 is no JSON"),
    "numbers.jsonl": (b"1\n2\n", r"line 1 is int, not an object"),
    "cut.json": (b'[{"a": 1}, {"a"', r"cut\.json is no JSON .*copy it again"),
    "text.json": (b'"hello"', r"holds a str; make it a list of objects"),
    "ragged.json": (b'{"columns": ["a"], "data": [[1, 2]]}', r"ragged\.json holds no whole table"),
    "twice.json": (b'[{"a": 1, "a": 2}]', r"twice\.json is no JSON .the key 'a' stands 2 times"),
    "wide.jsonl": ('{"a": 1}'.encode("utf-16-le"), r"wide\.jsonl: it is UTF-16; save it as UTF-8"),
    "wide.csv": ("a,b\n1,2\n".encode("utf-16-be"), r"wide\.csv: it is UTF-16; save it as UTF-8"),
    "old_mac.jsonl": (b'{"a": 1}\r{"a": 2}\r', r"line 1 is no JSON \(Extra data[^;]*; write one object a line"),
    "commas.jsonl": (b'{"a": 1},\n{"a": 2},\n', r"line 1 is no JSON \(Extra data.*; mend or drop the line"),
    "v1.feather": (b"FEA1\0\0\0\0", r"v1\.feather: it is Feather of version 1; write it as version 2"),
    "items.json": (b"[1]", r"item 0 is a int"),
    "short.csv": (b"a,b\n1,2\n3\n", r"short\.csv, line 3: the row has not as many fields"),
    "long.csv": (b"a,b\n1,2,3\n", r"line 2: the row has not as many fields"),
    "quote.csv": (b'a,b\n1,"2\n', r"quote\.csv, after line 1: .*copy it again"),
    "json.csv": (b'{"a": 1, "b": 2}\n', r"json\.csv, after line \d: .*mend the quotes"),
    "table.jsonl": (b"PAR1\x15\x04", r"table\.jsonl: it is a parquet file; name it \.parquet"),
    "latin.csv": (b"a\n\xe9\n", r"latin\.csv is not UTF-8"),
    "latin.jsonl": (b'{"a": "\xe9"}\n', r"latin\.jsonl, line 1 is not UTF-8"),
    "text.parquet": (b"PAR1 is how it begins", r"text\.parquet cannot be read as parquet"),
    "notes.txt": (b"hello", r"\.txt is not read; write a line of JSON"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_file_is_named_with_the_place_and_the_remedy(name: str, tmp_path: Path):
    content, message = FAULTS[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_rows(path))


def test_a_damaged_page_is_found(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [f"{i} {i * i}" for i in range(5000)]}), path)
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\xff" * 400 + data[404:])
    with pytest.raises(UserError, match="cannot be read as parquet"):
        list(read_rows(path))


def test_an_absent_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.csv: there is no such file"):
        list(read_rows(tmp_path / "none.csv"))
