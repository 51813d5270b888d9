"""What people bring to `dgpo data prepare`, kind by kind: it is read as it is meant, or refused with its reason."""

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgpo.cli import main

Row = dict[str, Any]
Table = Sequence[Row] | pa.Table | str | bytes


def write(path: Path, content: Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str | bytes):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    elif path.suffix == ".parquet":
        pq.write_table(content if isinstance(content, pa.Table) else pa.Table.from_pylist(list(content)), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, next(iter(content)))
            writer.writeheader()
            writer.writerows(content)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    return path


def prepared(path: Path, *options: str) -> list[Row]:
    """The rows written, read back."""
    out = path.parent / "out"
    as_it_is = ["--template", "none", "--name", "made"]
    assert main(["data", "prepare", str(path), "--out", str(out), *as_it_is, *options]) == 0
    return pq.read_table(out / "made.parquet").to_pylist()


def answers(path: Path, *options: str) -> list[str]:
    return [row["reward_model"]["ground_truth"] for row in prepared(path, *options)]


def asked(*answers: Any) -> list[Row]:
    return [{"problem": f"What is number {place}?", "answer": answer} for place, answer in enumerate(answers)]


COT = "Tom has 3 bags of 6 apples.\nSo he has 3*6=<<3*6=18>>18 apples.\n"
READ: dict[str, tuple[str, Table, list[str]]] = {
    "the end of a solution": ("a.jsonl", asked(f"{COT}#### 18", "#### 1,200", "x\n#### $\\frac{1}{2}$"),
                              ["18", "1200", "\\frac{1}{2}"]),
    "the box of a solution": ("a.jsonl", asked("As $x+3=7$, we get $\\boxed{4}$.", "The answer is $\\boxed{\\frac12}$"),
                              ["4", "\\frac12"]),
    "a sentence that tells the answer": (
        "a.jsonl",
        asked("By AM-GM we see it. Hence, the answer is $2\\sqrt{2}$.", "Answer: 5", "答案是 7", "La respuesta es 3.",
              "Die Antwort lautet 12.", "**Final Answer:** 42", "Ответ: 6"),
        ["2\\sqrt{2}", "5", "7", "3", "12", "42", "6"]),
    "a thought and its answer": ("a.jsonl", asked("<think>3+4</think>7", "<think>so</think><answer>9</answer>"),
                                 ["7", "9"]),
    "answers of several words": (
        "a.jsonl", asked("No such triangle exists", "all real numbers except 0", "x=1 or x=2", "(1,2) and (3,4)"),
        ["No such triangle exists", "all real numbers except 0", "x=1 or x=2", "(1,2) and (3,4)"]),
    "lists as text": ("a.csv", asked("['2']", "['3', '4']", "['5' '6']", '["\\\\frac{1}{2}"]', "('7',)", "[8 9]"),
                      ["2", "3, 4", "5, 6", "\\frac{1}{2}", "7", "8, 9"]),
    "a list as text whose writer did not escape": ("a.csv", asked('["\\frac{1}{2}"]', "['\\theta']"),
                                                   ["\\frac{1}{2}", "\\theta"]),
    "structs as text": ("a.csv", asked("{'value': '2'}", '{"answer": "1/2"}', "{'text': ['3']}"), ["2", "1/2", "3"]),
    "what NumPy and Python print": (
        "a.csv", asked("array(['2'], dtype=object)", "[np.float64(0.5)]", "np.int64(7)", "b'8'", "Decimal('2.5')",
                       "tensor([4, 5], device='cuda:0')"),
        ["2", "0.5", "7", "8", "2.5", "4, 5"]),
    "mathematics in brackets": ("a.csv", asked("[2, 3]", "(1, 2)", "\\{1, 2\\}", "[0, \\infty)"),
                                ["[2, 3]", "(1, 2)", "\\{1, 2\\}", "[0, \\infty)"]),
    "a map": ("a.parquet", pa.table({"problem": ["a?"], "answer": pa.array([[("value", "5")]],
                                                                           pa.map_(pa.string(), pa.string()))}), ["5"]),
    "bytes": ("a.parquet", asked(b"5", b"\\frac{1}{2}"), ["5", "\\frac{1}{2}"]),
    "decimals": ("a.parquet", asked(Decimal("2.50"), Decimal("3.00")), ["2.50", "3"]),
    "truth values": ("a.jsonl", asked(True, False), ["Yes", "No"]),
    "half precision": ("a.parquet", pa.table({"problem": ["a?"], "answer": np.array([0.1], np.float16)}), ["0.1"]),
    "single precision in lists": ("a.parquet", pa.table({"problem": ["a?"], "answer": pa.array(
        [[0.1, 2.0]], pa.list_(pa.float32()))}), ["0.1, 2"]),
    "nothing": ("a.jsonl", asked("1", None, "nan", "N/A", "TODO", "see solution", "None", "", "-", "#N/A", "见解析",
                                 "[]", "(none)", "TBD.", "to be determined", "proof", "siehe Lösung"), ["1"]),
    "no number": ("a.jsonl", '{"problem": "a?", "answer": NaN}\n{"problem": "b?", "answer": Infinity}\n'
                             '{"problem": NaN, "answer": "1"}\n{"problem": "c?", "answer": 2}\n', ["2"]),
    "no solution": ("a.jsonl", asked("no solution", "\\emptyset"), ["no solution", "\\emptyset"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_answers_are_read_as_they_are_meant(kind: str, tmp_path: Path):
    name, content, expected = READ[kind]
    assert answers(write(tmp_path / name, content)) == expected


UNREADABLE = {
    "a solution with two boxes": ("First \\boxed{1} is a root, then \\boxed{2} is too.", "its answer is '1' or '2'"),
    "a solution without a mark": ("Since 2+2=4 and 4+1=5 we conclude with 5.", "this is a solution; its answer is '5'"),
    "a long text": ("It grows with " + "the number of sides " * 9, "this is a solution; its answer is nowhere marked"),
    "a struct": ({"value": "5", "unit": "cm"}, "a struct of value, unit: name the field, as in --answer-field"),
    "a printed struct": ("{'value': '5', 'unit': 'cm'}", "name the field, as in --answer-field COLUMN.value"),
    "a cut list": ("['2'", "is a container that was printed as text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNREADABLE)
def test_where_nothing_is_left_the_reason_is_told_and_listed(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    answer, reason = UNREADABLE[kind]
    path = write(tmp_path / "a.jsonl", asked(answer))
    assert main(["data", "prepare", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "no row is left of 1" in said and "row 0" in said
    (listed,) = map(json.loads, (tmp_path / "out/a.dropped.jsonl").read_text().splitlines())
    assert reason in said + listed.get("fault", "")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.dropped.jsonl"]


def chat(*messages: tuple[str, Any]) -> list[Row]:
    return [{"role": role, "content": content} for role, content in messages]


ASKED = chat(("user", "1+1=?"))
EARLIER = chat(("user", "Let x=4."), ("assistant", "Noted."), ("user", "x+1=?"))
CHATS: dict[str, tuple[Row, list[Row]]] = {
    "a system message": ({"problem": chat(("system", "In base 2."), ("user", "1+1=?"))},
                         chat(("system", "In base 2."), ("user", "1+1=?"))),
    "earlier turns": ({"problem": EARLIER}, EARLIER),
    "the answer at the end": ({"problem": [*ASKED, {"role": "assistant", "content": "\\boxed{2}"}]}, ASKED),
    "a column of system messages": ({"problem": "1+1=?", "system": "In base 2."},
                                    chat(("system", "In base 2."), ("user", "1+1=?"))),
    "a system prompt beside messages": ({"problem": ASKED, "system_prompt": "Be brief."},
                                        chat(("system", "Be brief."), ("user", "1+1=?"))),
    "ShareGPT": ({"problem": [{"from": "system", "value": "Hi."}, {"from": "human", "value": "1+1=?"},
                              {"from": "gpt", "value": "2"}]}, chat(("system", "Hi."), ("user", "1+1=?"))),
    "parts": ({"problem": chat(("user", [{"type": "text", "text": "1+1"}, {"type": "text", "text": "=?"}]))},
              chat(("user", "1+1\n=?"))),
    "JSON as text": ({"problem": json.dumps(ASKED)}, ASKED),
    "Python as text": ({"problem": str(EARLIER)}, EARLIER),
    "NumPy as text": ({"problem": str(EARLIER).replace("}, {", "}\n {")}, EARLIER),
    "a wrapper": ({"problem": {"messages": EARLIER}}, EARLIER),
    "a rendered chat": ({"problem": "<|im_start|>system\nIn base 2.<|im_end|>\n<|im_start|>user\n1+1=?<|im_end|>\n"
                                    "<|im_start|>assistant\n"}, chat(("system", "In base 2."), ("user", "1+1=?"))),
    "one message": ({"problem": ASKED[0]}, ASKED),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHATS)
def test_a_conversation_stays_as_it_is(kind: str, tmp_path: Path):
    row, expected = CHATS[kind]
    (made,) = prepared(write(tmp_path / "a.jsonl", [{**row, "answer": "2"}]))
    assert made["prompt"] == expected
    assert made["extra_info"]["problem"] == expected[-1]["content"]


def test_rows_that_differ_before_the_problem_alone_are_two(tmp_path: Path):
    rows = [
        {"problem": "1+1=?", "system": f"In base {base}.", "answer": answer} for base, answer in ((2, "10"), (9, "2"))
    ]
    assert answers(write(tmp_path / "a.jsonl", rows)) == ["10", "2"]


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
    "a picture": ("a.jsonl", [{"problem": "x?", "answer": "4", "images": ["a.png"]}], "column 'images' holds a"),
    "a picture's bytes": ("a.parquet", [{"problem": "x?", "answer": "4", "image": {"bytes": b"x", "path": None}}],
                          "column 'image' holds a picture"),
    "a place for one": ("a.jsonl", [{"problem": "<image>x?", "answer": "4"}], "the problem has '<image>'"),
    "a part that is one": ("a.jsonl", [{"problem": chat(("user", [{"type": "image_url", "url": "x"}])), "answer": "4"}],
                           "a message has a part of type 'image_url'"),
    "roles of their own": ("a.jsonl", [{"problem": chat(("narrator", "x?")), "answer": "4"}], "the role 'narrator'"),
    "messages of their own": ("a.jsonl", [{"problem": [{"speaker": "me", "says": "x?"}], "answer": "4"}],
                              "a message has speaker, says; make it {'role': ..., 'content': ...}"),
    "nobody who asks": ("a.jsonl", [{"problem": chat(("system", "x?")), "answer": "4"}], "no message is a user's"),
    "columns of one name": ("a.csv", "problem,answer,answer\na?,1,2\n", "more than one column 'answer'"),
    "keys of one name": ("a.jsonl", '{"problem": "a?", "answer": "1", "answer": "2"}\n', "line 1 is no JSON (the key"),
    "a pointer of Git LFS": ("a.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                             "`git lfs pull`"),
    "a web page": ("a.jsonl", "<!DOCTYPE html><html>", "is a web page; download the file itself"),
    "a packed file that does not say so": ("a.jsonl", gzip.compress(b"{}"), "is packed; add .gz to its name"),
    "a document that is no lines": ("a.jsonl", "[\n {}\n]", "name the file .json"),
    "UTF-16": ("a.jsonl", '{"problem": "a?"}'.encode("utf-16"), "line 1 is not UTF-8"),
    "a column that a parquet file has not": ("a.parquet", [{"problem": "a?", "solution": "4"}],
                                             "the columns are solution, problem"),
    "parquet columns of one name": ("a.parquet", pa.Table.from_arrays([pa.array(["1"])] * 2, ["answer"] * 2),
                                    "more than one column"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_place(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    name, content, message = REFUSED[kind]
    path = write(tmp_path / name, content)
    assert main(["data", "prepare", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert name in said


def test_columns_of_pictures_without_any_are_no_obstacle(tmp_path: Path):
    rows = [{"problem": "x?", "answer": "4", "image": None, "images": [], "figure": "of speech"}]
    assert answers(write(tmp_path / "a.jsonl", rows)) == ["4"]


def test_problems_with_a_linked_picture_are_left_out(tmp_path: Path):
    rows = [{"problem": "In the figure ![](https://x/a.png), x?", "answer": "4"}, {"problem": "y?", "answer": "5"}]
    assert answers(write(tmp_path / "a.jsonl", rows)) == ["5"]


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
    "spaces after commas": ({"a.csv": 'problem, answer\n1+1=?, "2"\n1+2=?, 3\n'}, "a.csv"),
    "documents one after another": ({"a.json": "".join(json.dumps(row, indent=1) for row in TWO)}, "a.json"),
    "zstd": ({"a.jsonl.zst": pa.compress(LINES.encode(), "zstd", asbytes=True)}, "a.jsonl.zst"),
    "what is told of a dictionary of data sets": ({"d/dataset_dict.json": "{}", "d/en/a.jsonl": TWO}, "d"),
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


def test_what_the_datasets_library_saves_is_read(tmp_path: Path):
    schema = pa.schema([("problem", pa.string()), ("answer", pa.string())])
    (tmp_path / "d").mkdir()
    with (
        pa.OSFile(str(tmp_path / "d/data-00000-of-00001.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as stream,
    ):
        stream.write_table(pa.Table.from_pylist(TWO, schema))
    write(tmp_path / "d/state.json", "{}")
    assert answers(tmp_path / "d") == ["2", "3"]


FOLDERS = {
    "two formats": (["a.csv", "b.jsonl"], "several formats (.csv, .jsonl)"),
    "another split": (["test.jsonl"], "no data file of split 'train' (there are test.jsonl)"),
    "no data": (["notes.md"], "there are none"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_whose_files_cannot_be_told_is_refused(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    names, message = FOLDERS[kind]
    for name in names:
        write(tmp_path / "d" / name, "")
    assert main(["data", "prepare", str(tmp_path / "d"), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


DOTTED: dict[str, tuple[Row, list[str]]] = {
    "a field": ({"meta": {"problem": "1+1=?", "answer": "2"}}, ["meta.problem", "meta.answer"]),
    "a column's own name": ({"meta.problem": "1+1=?", "meta.answer": "2"}, ["meta.problem", "meta.answer"]),
    "a field of a dotted column": ({"a.b": {"q": "1+1=?", "c.d": "2"}}, ["a.b.q", "a.b.c.d"]),
    "a field of printed text": ({"meta": "{'problem': '1+1=?', 'answer': {'value': '2', 'unit': 'm'}}"},
                                ["meta.problem", "meta.answer.value"]),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", DOTTED)
def test_dotted_names_reach_fields_and_columns(kind: str, suffix: str, tmp_path: Path):
    row, (problem, answer) = DOTTED[kind]
    path = write(tmp_path / f"a.{suffix}", [row])
    assert answers(path, "--prompt-field", problem, "--answer-field", answer) == ["2"]


def test_a_list_may_be_of_spellings_of_one_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "a.jsonl", asked(["0.5", "1/2", "\\frac{1}{2}"], ["2", "3"]))
    assert answers(path) == ["0.5, 1/2, \\frac{1}{2}", "2, 3"]
    assert "note: 1 answers are lists whose entries are all equal in value" in capsys.readouterr().out
    assert answers(path, "--any-answer") == ["0.5"]
    (listed,) = map(json.loads, (tmp_path / "out/made.dropped.jsonl").read_text().splitlines())
    assert "answers of different value" in listed["fault"]


def test_lists_of_turns_have_their_places_for_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    turns = [{"from": "human", "value": "1+1=?"}, {"from": "assistant", "ground_truth": {"value": "2"}}]
    path = write(tmp_path / "a.json", json.dumps([turns]))
    assert answers(path, "--prompt-field", "0.value", "--answer-field", "1.ground_truth.value") == ["2"]
    assert main(["data", "prepare", str(path), "--out", str(tmp_path), "--answer-field", "problem"]) == 2
    assert "answer-field=problem: it is the problem's column" in capsys.readouterr().err


def test_a_date_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "a.parquet", asked(date(2024, 1, 2)))
    assert main(["data", "prepare", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "not date" in capsys.readouterr().err
