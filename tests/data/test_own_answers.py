"""Answers as people bring them, kind by kind: read as they are meant, or left out with the reason."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.data.own import Table, answers, asked, chat, write

COT = "Tom has 3 bags of 6 apples.\nSo he has 3*6=<<3*6=18>>18 apples.\n"
READ: dict[str, tuple[str, Table, list[str]]] = {
    "the end of a solution": ("a.jsonl", asked(f"{COT}#### 18", "#### 1,200", "x\n#### $\\frac{1}{2}$"),
                              ["18", "1200", "\\frac{1}{2}"]),
    "the box of a solution": ("a.jsonl", asked("As $x+3=7$, we get $\\boxed{4}$.",
                                                            "Add. $x=\\boxed{42}$", "\\boxed{12} cm",
                                                            "The answer is $\\boxed{\\frac12}$"),
                              ["4", "42", "\\boxed{12} cm", "\\frac12"]),
    "a sentence that tells the answer": (
        "a.jsonl",
        asked("By AM-GM we see it. Hence, the answer is $2\\sqrt{2}$.", "Answer: 5", "答案是 7", "La respuesta es 3.",
              "Die Antwort lautet 12.", "**Final Answer:** 42", "Ответ: 6"),
        ["2\\sqrt{2}", "5", "7", "3", "12", "42", "6"]),
    "a sheet's mark for text": ("a.csv", "problem,answer\na?,'007\nb?,'-1/2\nc?,'90s\n", ["7", "-1/2", "'90s"]),
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
    "a class label": ("a.parquet", pa.table({"problem": ["a?", "b?"], "answer": [2, -1]}).replace_schema_metadata(
        {"huggingface": '{"info": {"features": {"answer": {"names": ["A", "B", "C"], "_type": "ClassLabel"}}}}'}),
        ["C", "-1"]),
    "truth values": ("a.jsonl", asked(True, False), ["Yes", "No"]),
    "half precision": ("a.parquet", pa.table({"problem": ["a?"], "answer": np.array([0.1], np.float16)}), ["0.1"]),
    "single precision in lists": ("a.parquet", pa.table({"problem": ["a?"], "answer": pa.array(
        [[0.1, 2.0]], pa.list_(pa.float32()))}), ["0.1, 2"]),
    "nothing": ("a.jsonl", asked("1", None, "nan", "N/A", "TODO", "see solution", "None", "", "-", "#N/A", "见解析",
                                 "[]", "(none)", "TBD.", "to be determined", "proof", "siehe Lösung"), ["1"]),
    "no number": ("a.jsonl", '{"problem": "a?", "answer": NaN}\n{"problem": "b?", "answer": Infinity}\n'
                             '{"problem": NaN, "answer": "1"}\n{"problem": "c?", "answer": 2}\n', ["2"]),
    "what an assistant replies": (
        "a.jsonl", asked(chat(("assistant", "8")), chat(("user", "?"), ("assistant", "So it is \\boxed{9}."))),
        ["8", "9"]),
    "a sum of floats": ("a.jsonl", asked(0.1 + 0.2, 1e-5, 123456789.5), ["0.3", "1 \\times 10^{-5}", "123456789.5"]),
    "Markdown": ("a.jsonl", asked("`7`", "**8**", "```9```", '```json\n{"answer": 5}\n```'),
                 ["7", "8", "9", "5"]),
    "a list of solutions": ("a.jsonl", asked(["<think>1+1</think>2", "So it is 1+1, and the answer is 2."]), ["2"]),
    "labels": ("a.jsonl", asked("【答案】9", "Option B", "选项C", "Ans. 5", "ans=6", "### 7"), [*"9BC567"]),
    "a decimal comma after thousands": ("a.csv", asked("1.234,50"), ["1234.50"]),
    "no solution": ("a.jsonl", asked("no solution", "\\emptyset"), ["no solution", "\\emptyset"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_answers_are_read_as_they_are_meant(kind: str, tmp_path: Path):
    name, content, expected = READ[kind]
    assert answers(write(tmp_path / name, content)) == expected


UNREADABLE = {
    "a solution with two boxes": ("First \\boxed{1} is a root, then \\boxed{2} is too.", "its answer is '1' or '2'"),
    "a solution without a mark": ("Since 2+2=4 and 4+1=5 we conclude with 5.", "this is a solution; its answer is '5'"),
    "a decimal comma in a solution": ("La réponse est 3,5.", "this is a solution; its answer is '3,5' or '3.5'"),
    "a sentence of two numbers": ("The answer is 12 apples and 3 pears.", "its answer is '12' or '12 apples and 3'"),
    "spaces between digits in a solution": ("The answer is 1 2 3.", "its answer is '1, 2, 3' or '1 2 3'"),
    "solutions of several answers": (["So the answer is 2.", "So the answer is 3."], "answers of different value"),
    "a long text": ("It grows with " + "the number of sides " * 9, "this is a solution; its answer is nowhere marked"),
    "a struct": ({"value": "5", "unit": "cm"}, "a struct of value, unit: name the field, as in COLUMN"),
    "a printed struct": ("{'value': '5', 'unit': 'cm'}", "name the field, as in COLUMN.value"),
    "a question": (chat(("user", "1?")), "the last message is no assistant's"),
    "the problem of swapped columns": ("1+1等于几？", "is a question, of which"),
    "a list of lists": ([[1, 2], [3, 4]], "a list of lists, of which commas would make one"),
    "a list with a gap": (["2", None], "entry 1 of its list is empty"),
    "a list with NaN": ([float("nan"), 3], "entry 0 of its list is empty"),
    "a cut list": ("['2'", "is a container that was printed as text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNREADABLE)
def test_where_nothing_is_left_the_reason_is_told_and_listed(kind: str, tmp_path: Path, refused: Callable[..., str]):
    answer, reason = UNREADABLE[kind]
    path = write(tmp_path / "a.jsonl", asked(answer))
    said = refused("data", "prepare", path, "--out", tmp_path / "out")
    assert "no row is left of 1" in said and "row 0" in said
    (listed,) = map(json.loads, (tmp_path / "out/a.dropped.jsonl").read_text().splitlines())
    assert reason in said + listed.get("fault", "")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.dropped.jsonl"]


def test_a_list_may_be_of_spellings_of_one_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "a.jsonl", asked(["0.5", "1/2", "\\frac{1}{2}"], ["2", "3"]))
    assert answers(path) == ["0.5, 1/2, \\frac{1}{2}", "2, 3"]
    assert "note: 1 answers are lists whose entries are all equal in value" in capsys.readouterr().out
    assert answers(path, "--any-answer") == ["0.5"]
    (listed,) = map(json.loads, (tmp_path / "out/made.dropped.jsonl").read_text().splitlines())
    assert "answers of different value" in listed["fault"]


def test_a_date_is_no_answer(tmp_path: Path, refused: Callable[..., str]):
    path = write(tmp_path / "a.parquet", asked(date(2024, 1, 2)))
    assert "not date" in refused("data", "prepare", path, "--out", tmp_path / "out")


def test_code_is_told_of_and_a_proof_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = ["x = [[1]]", "def f(x):\n    return x", "SELECT a FROM t", "theorem a : 1 = 1 := rfl", "lambda x: x + 1"]
    plain = ["from 3 to 5 (inclusive)", "x = [1, 2]", "class 3"]
    found = answers(write(tmp_path / "a.jsonl", asked(*code, *plain, "Q.E.D.", "Proved")))
    assert len(found) == len(code) + len(plain)
    assert "5 answers are code, which is compared as text alone" in capsys.readouterr().out


def test_what_a_spreadsheet_may_have_made_of_answers_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = ["0,5", "1-Feb", "Jan-32", "1/2/2024", "1.23E+17", "1234567", "12,34,567"]
    sheet = "sep=;\nproblem;answer\n" + "".join(f"{place}?;{answer}\n" for place, answer in enumerate(given))
    assert answers(write(tmp_path / "a.csv", sheet)) == [*given[:4], "1.23 \\times 10^{17}", *given[5:]]
    said = capsys.readouterr().out
    for what in ("1 answers are lists by their comma;", "by their commas; if they group digits as in India",
                 "3 answers are dates", "1 answers are numbers of few digits"):  # fmt: skip
        assert what in said
