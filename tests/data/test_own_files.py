"""Files and folders as people bring them: read whatever wrote them, or refused with the place and the remedy."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from dgpo.cli import main
from tests.data.own import Row, Table, answers, chat, write

TWO = [{"problem": "1+1=?", "answer": "2"}, {"problem": "1+2=?", "answer": "3"}]


def by_column(rows: Sequence[Row], name: Callable[[int], str] = str) -> dict[str, Row]:
    return {column: {name(at): row[column] for at, row in enumerate(rows)} for column in rows[0]}


LINES = "".join(json.dumps(row) + "\n" for row in TWO)
FILES: dict[str, tuple[dict[str, Table], str]] = {
    "pandas' columns": ({"a.json": json.dumps(by_column(TWO))}, "a.json"),
    "pandas' columns with an index of words": ({"a.json": json.dumps(by_column(TWO, "q{}".format))}, "a.json"),
    "pandas' index": ({"a.json": json.dumps({"0": TWO[0], "1": TWO[1]})}, "a.json"),
    "rows by their ids": ({"a.json": json.dumps({"q-a": TWO[0], "q-b": TWO[1]})}, "a.json"),
    "pandas' split": ({"a.json": json.dumps({"columns": ["problem", "answer"], "index": [0, 1],
                                             "data": [list(row.values()) for row in TWO]})}, "a.json"),
    "pandas' table": ({"a.json": json.dumps({"schema": {"fields": [{"name": "answer"}]}, "data": TWO})}, "a.json"),
    "the hub's viewer": ({"a.json": json.dumps({"features": [{"name": "answer"}], "rows": [
        {"row_idx": at, "row": row, "truncated_cells": []} for at, row in enumerate(TWO)]})}, "a.json"),
    "packed lines": ({"a.jsonl.gz": gzip.compress(LINES.encode())}, "a.jsonl.gz"),
    "a packed table": ({"a.csv.gz": gzip.compress(b"problem,answer\n1+1=?,2\n1+2=?,3\n")}, "a.csv.gz"),
    "packed JSON": ({"a.json.gz": gzip.compress(json.dumps(TWO).encode())}, "a.json.gz"),
    "another suffix of parquet": ({"a.parquet": TWO}, "a.pq"),
    "shards": ({f"d/train-0000{at}-of-00002.parquet": TWO[at : at + 1] for at in range(2)}, "d"),
    "shards among other splits": ({"d/data/train-0.jsonl": TWO, "d/data/test-0.jsonl": [{"problem": "x", "answer": 9}],
                                   "d/README.md": "x", "d/config.json": "{}"}, "d"),
    "semicolons": ({"a.csv": "\ufeffproblem;answer\n1+1=?;2\n1+2=?;3\n"}, "a.csv"),
    "a sheet's empty columns, and its first line again": (
        {"a.csv": "problem,answer,,\n1+1=?,2,,\nproblem,answer,,\n1+2=?,3,,\n"}, "a.csv"),
    "spaces after commas": ({"a.csv": 'problem, answer\n1+1=?, "2"\n1+2=?, 3\n'}, "a.csv"),
    "documents one after another": ({"a.json": "".join(json.dumps(row, indent=1) for row in TWO)}, "a.json"),
    "zstd": ({"a.jsonl.zst": pa.compress(LINES.encode(), "zstd", asbytes=True)}, "a.jsonl.zst"),
    "what is told of a dictionary of data sets": ({"d/dataset_dict.json": "{}", "d/en/a.jsonl": TWO}, "d"),
    "splits in folders": ({f"d/{split}/0-00000-of-00001.parquet": TWO for split in ("train", "test")}, "d"),
    "the hub's cache, of two commits": ({"d/refs/main": "b", "d/snapshots/b/train.jsonl": TWO,
                                         "d/snapshots/a/train.jsonl": [{"problem": "1+1=?", "answer": "9"}]}, "d"),
    "a problem a document": ({f"d/train/{topic}/1.json": json.dumps(row) for topic, row in zip("ab", TWO, strict=True)},
                             "d"),
    "nested folders without splits": ({"d/one/a.jsonl": TWO[:1], "d/two/b.jsonl": TWO[1:]}, "d"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_files_and_folders_are_read_whatever_wrote_them(kind: str, tmp_path: Path):
    files, name = FILES[kind]
    for each, content in files.items():
        write(tmp_path / each, content)
    if name == "a.pq":
        (tmp_path / "a.parquet").rename(tmp_path / name)
    assert answers(tmp_path / name) == ["2", "3"]


def test_a_link_gives_its_own_name(tmp_path: Path):
    write(tmp_path / "blobs/0123abcd", LINES)
    (tmp_path / "mine.jsonl").symlink_to("blobs/0123abcd")
    assert main(["data", "prepare", str(tmp_path / "mine.jsonl"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/mine.parquet").is_file()


def test_folders_that_links_lead_to_are_read_once(tmp_path: Path):
    write(tmp_path / "elsewhere/b.jsonl", TWO[1:])
    write(tmp_path / "d/a.jsonl", TWO[:1])
    for name, target in (("other", "../elsewhere"), ("again", "../elsewhere"), ("itself", ".")):
        (tmp_path / "d" / name).symlink_to(target)
    assert answers(tmp_path / "d") == ["2", "3"]


def test_what_the_datasets_library_saves_is_read(tmp_path: Path):
    schema = pa.schema([("problem", pa.string()), ("answer", pa.string())])
    (tmp_path / "d").mkdir()
    # `map` and `filter` leave what they made beside the data.
    for name, rows in (("data-00000-of-00001", TWO), ("cache-0123abcd", TWO[::-1])):
        with pa.OSFile(str(tmp_path / f"d/{name}.arrow"), "wb") as sink, pa.ipc.new_stream(sink, schema) as stream:
            stream.write_table(pa.Table.from_pylist(rows, schema))
    write(tmp_path / "d/state.json", "{}")
    assert answers(tmp_path / "d") == ["2", "3"]


FOLDERS = {
    "two formats": (["a.csv", "b.jsonl"], "several formats (.csv, .jsonl)"),
    "another split": (["test.jsonl"], "no data file of split 'train' (there are test.jsonl)"),
    "no data": (["notes.md"], "there are none"),
    "a missing shard": (
        ["train-00000-of-00003.jsonl", "train-00002-of-00003.jsonl"],
        "has 2 of the 3 files train-*-of-",
    ),
    "data sets side by side": (
        [f"{name}/train-00000-of-00001.jsonl" for name in ("main", "socratic")],
        "several data sets (main: main/train-00000-of-00001.jsonl, socratic: ",
    ),
    "data sets side by side without splits": (
        [f"{name}/{place}.jsonl" for name in ("main", "socratic") for place in ("0000", "0001")],
        "several data sets (main: main/0001.jsonl, socratic: ",
    ),
    "a missing shard with a hash": (["data/train-00001-of-00002-2a6c.jsonl"], "has 1 of the 2 files data/train-*-of-"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_whose_files_cannot_be_told_is_refused(kind: str, tmp_path: Path, refused: Callable[..., str]):
    names, message = FOLDERS[kind]
    for name in names:
        write(tmp_path / "d" / name, "")
    assert message in refused("data", "prepare", tmp_path / "d", "--out", tmp_path / "out")


def card(*configs: tuple[str, Mapping[str, object]]) -> str:
    entries = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}
        for name, files in configs
    ]
    return f"---\n{json.dumps({'configs': entries})}\n---\n# Mine\n"


def test_a_card_says_which_files_are_of_a_split(tmp_path: Path):
    for name, row in zip(("a.jsonl", "b.jsonl"), TWO, strict=True):
        write(tmp_path / "d" / name, [row])
    write(tmp_path / "d/README.md", card(("default", {"train": ["a.*"], "test": "b.jsonl"})))
    assert answers(tmp_path / "d") == ["2"]
    assert answers(tmp_path / "d", "--split", "test") == ["3"]


def test_several_data_sets_of_a_card_are_not_read_together(tmp_path: Path, refused: Callable[..., str]):
    for name, row in zip(("main", "socratic"), TWO, strict=True):
        write(tmp_path / "d" / name / "train.jsonl", [row])
    write(tmp_path / "d/README.md", card(*((name, {"train": f"{name}/*"}) for name in ("main", "socratic"))))
    said = refused("data", "prepare", tmp_path / "d", "--out", tmp_path / "out")
    assert "main: main/train.jsonl, socratic: socratic/train.jsonl" in said
    assert answers(tmp_path / "d/main") == ["2"]


REFUSED: dict[str, tuple[str, Table, str]] = {
    "a form feed": ("a.jsonl", '{"problem": "Find $\\frac{1}{2}$.", "answer": "1"}\n',
                    "row 0: the problem 'Find $\\x0crac{1}{2}$.' holds a form feed and then 'rac', which was \\frac"),
    "a tab": ("a.jsonl", '{"problem": "a?", "answer": "\\theta = 3"}\n', "holds a tab and then 'heta', which was"),
    "a line break in a formula": ("a.jsonl", '{"problem": "Is $a \\neq b$?", "answer": "1"}\n', "which was \\neq"),
    "a line break in an answer": ("a.jsonl", '{"problem": "a?", "answer": "2\\nu"}\n', "which was \\nu"),
    "a backspace": ("a.jsonl", '{"problem": "a?", "answer": "\\boxed{3}"}\n', "which was \\boxed"),
    "a carriage return": ("a.csv", 'problem,answer\na?,"5\rightarrow"\n', "which was \\rightarrow"),
    "a bell": ("a.csv", "problem,answer\na?,\alpha\n", "write each backslash twice"),
    "an escape that JSON has not": ("a.jsonl", '{"problem": "a?", "answer": "\\sqrt{2}"}\n',
                                    "JSON writes each backslash twice"),
    "the rest of a command": ("a.csv", "problem,answer\na?,rac{1}{2}\n", "'rac' where a LaTeX command lost its"),
    "cells that the viewer cut short": ("a.json", json.dumps({"features": [], "rows": [
        {"row_idx": 0, "row": TWO[0], "truncated_cells": ["problem"]}]}), "the hub's viewer has cut cells short"),
    "a picture": ("a.jsonl", [{"problem": "x?", "answer": "4", "images": ["a.png"]}], "column 'images' holds a"),
    "a picture's bytes": ("a.parquet", [{"problem": "x?", "answer": "4", "image": {"bytes": b"x", "path": None}}],
                          "column 'image' holds a picture"),
    "a place for one": ("a.jsonl", [{"problem": "<image>x?", "answer": "4"}],
                        "'<image>x?' has '<image>', the place of a picture"),
    "a part that is one": ("a.jsonl", [{"problem": chat(("user", [{"type": "image_url", "url": "x"}])), "answer": "4"}],
                           "a message has a part of type 'image_url'"),
    "roles of their own": ("a.jsonl", [{"problem": chat(("narrator", "x?")), "answer": "4"}], "the role 'narrator'"),
    "messages of their own": ("a.jsonl", [{"problem": [{"speaker": "me", "says": "x?"}], "answer": "4"}],
                              "a message has speaker, says; make it {'role': ..., 'content': ...}"),
    "nobody who asks": ("a.jsonl", [{"problem": chat(("system", "x?")), "answer": "4"}], "no message is a user's"),
    "columns of one name": ("a.csv", "problem,answer,answer\na?,1,2\n", "more than one column 'answer'"),
    "keys of one name": ("a.jsonl", '{"problem": "a?", "answer": "1", "answer": "2"}\n', "line 1 is no JSON (the key"),
    "the place of an option": ("a.jsonl", [{"problem": "x?", "options": ["4", "7"], "answer": 1}],
                               "give its letter (A, B)"),
    "the letter of no option": ("a.jsonl", [{"problem": "x?", "options": ["4", "7"], "answer": "C"}], "C is no option"),
    "the column of an option": ("a.jsonl", [{"problem": "x?", "option1": "4", "option2": "7", "answer": "option2"}],
                                "option2 is no option: give its letter (A, B)"),
    "a struct for a problem": ("a.jsonl", [{"problem": {"q": "x?", "lang": "en"}, "answer": 1}], "as in COLUMN.q"),
    "a pointer of Git LFS": ("a.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                             "`git lfs pull`"),
    "a web page": ("a.jsonl", "<!DOCTYPE html><html>", "is a web page; download the file itself"),
    "a packed file that does not say so": ("a.jsonl", gzip.compress(b"{}"), "is packed; add .gz or .zst to its name"),
    "a document that is no lines": ("a.jsonl", "[\n {}\n]", "write one object a line"),
    "UTF-16": ("a.jsonl", '{"problem": "a?"}'.encode("utf-16"), "it is UTF-16; save it as UTF-8"),
    "a column that a parquet file has not": ("a.parquet", [{"problem": "a?", "solution": "4"}],
                                             "the columns are solution, problem"),
    "parquet columns of one name": ("a.parquet", pa.Table.from_arrays([pa.array(["1"])] * 2, ["answer"] * 2),
                                    "more than one column"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_place(kind: str, tmp_path: Path, refused: Callable[..., str]):
    name, content, message = REFUSED[kind]
    said = refused("data", "prepare", write(tmp_path / name, content), "--out", tmp_path / "out")
    assert message in said and name in said
