"""Each source is read from rows in its own schema, made here, with the quirks that its cards and users report."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from dgpo.cli import main
from dgpo.data import check_parquet
from dgpo.data.check import Examination
from dgpo.data.manifest import read_manifest
from dgpo.data.options import TEMPLATES
from dgpo.data.sources import SOURCES
from dgpo.data.sources.source import Source, records, table_of
from dgpo.errors import UserError
from dgpo.tables import WIDTH
from tests.data.own import write

Rows = list[dict[str, Any]]


def prepared(source: str, rows: Rows | Path, tmp_path: Path, *options: str, name: str = "") -> Rows:
    """What `dgpo data prepare` writes of the rows, as they lie in a parquet or JSON file."""
    if isinstance(rows, Path):
        path = rows
    elif source in ("klear-mathsub", "deepscaler"):
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(rows))
    else:
        path = write(tmp_path / "rows.parquet", rows)
    assert main(["data", "prepare", source, "--from", str(path), "--out", str(tmp_path / "out"), *options]) == 0
    written = tmp_path / "out" / f"{name or source}.parquet"
    assert check_parquet(written) == []
    assert Examination(written).faults == []
    return pq.read_table(written).to_pylist()


def pairs(rows: Rows) -> list[tuple[str, str]]:
    return [(row["extra_info"]["problem"], row["reward_model"]["ground_truth"]) for row in rows]


def verl_row(prompt: str, answer: str, index: Any) -> dict[str, Any]:
    return {
        "data_source": "math_dapo",
        "prompt": [{"content": prompt, "role": "user"}],
        "ability": "MATH",
        "reward_model": {"ground_truth": answer, "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": index},
    }


DAPO_PROMPT = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n{}\n\nRemember to put your answer on its "
    'own line after "Answer:".'
)


AMC23 = [{"id": 0, "problem": "Meet?", "answer": 27.0, "url": "u"}, {"id": 1, "problem": "Run?", "answer": -1.5}]
ROWS: dict[str, tuple[str, Rows, list[tuple[str, str]]]] = {
    "DAPO's processed copy": (
        "dapo-math-17k",
        [{**verl_row("Find $x$.", "34", "a"), "prompt": "Find $x$.", "solution": "34",
          "source_prompt": [{"content": "x", "role": "user"}]}],
        [("Find $x$.", "34")],
    ),
    "DeepScaleR's empty answers": (
        "deepscaler",
        [{"problem": "Simplify.", "answer": r"-\frac{2}{3}", "solution": "..."},
         {"problem": "Prove it.", "answer": "", "solution": "..."},
         {"problem": "Which?", "answer": r"\text{(C)}", "solution": ""}],
        [("Simplify.", r"-\frac{2}{3}"), ("Which?", r"\text{(C)}")],
    ),
    "Klear in verl's schema": (
        "klear-mathsub",
        [verl_row("What is $2^{10}$?", "1024", 5), verl_row("Area?", r"\frac{\pi}{4}", 6)],
        [("What is $2^{10}$?", "1024"), ("Area?", r"\frac{\pi}{4}")],
    ),
    "AIME 24 with capital columns": (
        "aime24", [{"ID": "2024-I-1", "Problem": "Walks.", "Solution": "s", "Answer": 204}], [("Walks.", "204")]
    ),
    "AIME 24 as 32 copies": ("aime24", [verl_row(DAPO_PROMPT.format("Walks."), "204", "0")] * 32, [("Walks.", "204")]),
    "AMC 23 of numbers with a point": ("amc23", AMC23, [("Meet?", "27"), ("Run?", "-1.5")]),
    "AMC 23 of such numbers as text, under another name": (
        "amc23",
        [{"id": row["id"], "question": row["problem"], "answer": str(row["answer"])} for row in AMC23],
        [("Meet?", "27"), ("Run?", "-1.5")],
    ),
    "Minerva's powers of ten": (
        "minerva",
        [{"question": "Luminosity?", "answer": "4.5e33"}, {"question": "Angle?", "answer": "1e-7"},
         {"question": "Motion?", "answer": r"\arcsin{1.3 \sin{\theta_w}}"}],
        [("Luminosity?", r"4.5 \times 10^{33}"), ("Angle?", r"1 \times 10^{-7}"),
         ("Motion?", r"\arcsin{1.3 \sin{\theta_w}}")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ROWS)
def test_problems_and_answers_come_out_of_each_schema(kind: str, tmp_path: Path):
    source, rows, expected = ROWS[kind]
    assert pairs(prepared(source, rows, tmp_path)) == expected


def test_dapo_copies_and_conflicting_repeats(tmp_path: Path):
    one = verl_row(DAPO_PROMPT.format("Find $x$ if $x = 34$."), "34", "9a9b6eb4")
    again = verl_row(DAPO_PROMPT.format("Find $x$ if $x = 34$."), "34", "0c0ffee0")
    torn = [verl_row(DAPO_PROMPT.format("What is $n$?"), answer, f"id{answer}") for answer in ("3", "5")]
    negative = verl_row(DAPO_PROMPT.format("Solve $y+7=0$."), "-7", "77")
    rows = prepared("dapo-math-17k", [one, *torn, negative, again] * 100, tmp_path)
    assert pairs(rows) == [("Find $x$ if $x = 34$.", "34"), ("Solve $y+7=0$.", "-7")]
    assert rows[0]["prompt"] == [
        {"role": "user", "content": TEMPLATES["r1"].replace("{problem}", "Find $x$ if $x = 34$.")}
    ]
    assert [row["extra_info"]["id"] for row in rows] == ["9a9b6eb4", "77"]
    manifest = read_manifest(tmp_path / "out" / "dapo-math-17k.parquet")
    assert manifest is not None
    assert (manifest.rows_in, manifest.rows_out) == (500, 2)
    assert manifest.dropped == {"conflicting answers": 200, "duplicate": 298}
    assert manifest.notes == [
        "500 rows were read and 1791700 (BytedTsinghua-SIA/DAPO-Math-17k) or 17398 (open-r1/DAPO-Math-17k-Processed) "
        "expected: the data has changed, or is cut short"
    ]


def test_gsm8k_s_answer_follows_its_marks(tmp_path: Path):
    rows = [
        {"question": "How many?", "answer": "Half is 48/2=<<48/2=24>>24.\n#### 1,234"},
        {"question": "How much?", "answer": "#### $5"},
        {"question": "Broken?", "answer": "There is none."},
    ]
    written = prepared("gsm8k", rows, tmp_path, "--split", "test", name="gsm8k-test")
    assert pairs(written) == [("How many?", "1234"), ("How much?", "$5")]
    assert {row["data_source"] for row in written} == {"gsm8k-test"}
    assert {row["extra_info"]["split"] for row in written} == {"test"}
    manifest = read_manifest(tmp_path / "out" / "gsm8k-test.parquet")
    assert manifest is not None
    assert manifest.purpose == "benchmark"  # its train split is for training


AIME24 = [
    {"id": 60, "problem": "Walks.", "solution": "s", "answer": "204", "url": "u", "year": "2024"},
    {"id": 61, "problem": "Hexagon.", "solution": "s", "answer": "025", "url": "u", "year": "2024"},
]


def test_aime24_answers_lose_leading_zeros(tmp_path: Path):
    rows = prepared("aime24", AIME24, tmp_path)
    assert pairs(rows) == [("Walks.", "204"), ("Hexagon.", "25")]
    assert [(row["extra_info"]["id"], row["extra_info"]["raw_answer"]) for row in rows] == [
        ("60", "204"),
        ("61", "025"),
    ]


def test_aime25_in_two_files_and_with_degrees(tmp_path: Path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("# AIME 2025\n")
    (folder / "aime2025-I.jsonl").write_text(json.dumps({"question": "Bases?", "answer": "70"}) + "\n")
    (folder / "aime2025-II.jsonl").write_text(json.dumps({"question": "Angles?", "answer": r"336^\circ"}))
    rows = prepared("aime25", folder, tmp_path)
    assert pairs(rows) == [("Bases?", "70"), ("Angles?", "336")]
    assert [row["extra_info"]["id"] for row in rows] == ["0", "1"]


def test_a_copy_with_another_split_keeps_the_source_s_name(tmp_path: Path):
    rows = [{"id": 1, "problem": "Bases?", "answer": "070", "solution": "s", "url": "u", "year": 2025}]
    written = prepared("aime25", rows, tmp_path, "--hub-id", "yentinglin/aime_2025")
    assert [(row["data_source"], row["extra_info"]["split"]) for row in written] == [("aime25", "train")]


def test_math500_with_subject_level_and_another_base(tmp_path: Path):
    rows = [
        {"problem": "Convert.", "solution": "s", "answer": r"\left( 3, \frac{\pi}{2} \right)", "subject": "Precalculus",
         "level": 2, "unique_id": "test/precalculus/807.json"},
        {"problem": "Base 8?", "solution": "s", "answer": "52_8", "subject": "Number Theory", "level": 4,
         "unique_id": "test/number_theory/1.json"},
    ]  # fmt: skip
    written = prepared("math500", rows, tmp_path)
    assert pairs(written) == [("Convert.", r"\left( 3, \frac{\pi}{2} \right)"), ("Base 8?", "52_8")]
    assert [written[0]["extra_info"][key] for key in ("id", "level", "subject")] == [
        "test/precalculus/807.json", "2", "Precalculus"
    ]  # fmt: skip


def test_olympiadbench_lists_with_dollars_and_several_answers(tmp_path: Path):
    common = {"context": None, "solution": ["s"], "unit": None, "answer_type": "Numerical", "subfield": "Algebra",
              "subject": "Math", "difficulty": "Competition", "error": None, "image_1": None}  # fmt: skip
    rows = [
        {"id": 1606, "question": "Smallest $n$?", "final_answer": ["$2$"], "is_multiple_answer": False, **common},
        {"id": 1610, "question": "All $x$?", "final_answer": ["$-3$", "$\\frac{1}{2}$"], "is_multiple_answer": True,
         **common},
        {"id": 1611, "question": "And $y$?", "final_answer": ["$1, 2$"], "is_multiple_answer": True,
         **{**common, "context": "Let $y$ be a root."}},
        {"id": 1612, "question": "Prove.", "final_answer": None, "is_multiple_answer": False, **common},
    ]  # fmt: skip
    written = prepared("olympiadbench", rows, tmp_path)
    assert pairs(written) == [
        ("Smallest $n$?", "2"),
        ("All $x$?", r"-3, \frac{1}{2}"),
        ("Let $y$ be a root.\nAnd $y$?", "1, 2"),
    ]
    assert {row["extra_info"]["subject"] for row in written} == {"Algebra"}


def test_arithmetic_is_made_on_the_spot(tmp_path: Path):
    assert (
        main(["data", "prepare", "arithmetic", "--out", str(tmp_path), "--limit", "6", "--levels", "1", "--seed", "3"])
        == 0
    )
    rows = pq.read_table(tmp_path / "arithmetic.parquet").to_pylist()
    manifest = read_manifest(tmp_path / "arithmetic.parquet")
    assert manifest is not None
    assert (manifest.options["levels"], manifest.options["seed"]) == ([1], 3)
    assert len(rows) == 6
    assert all(str(sum(map(int, row["extra_info"]["id"].split("+")))) == answer
               for row, (_, answer) in zip(rows, pairs(rows), strict=True))  # fmt: skip
    assert all(row["prompt"][0]["content"] == row["extra_info"]["problem"] for row in rows)


@pytest.mark.parametrize("source", [source for source in SOURCES.values() if source.copies], ids=lambda s: s.name)
def test_another_data_set_s_columns_are_refused_with_what_was_looked_for(source: Source):
    with pytest.raises(UserError, match=rf"file: {source.name} should have its problem in column .*columns are a, b"):
        list(records(iter([{"a": 1, "b": 2}]), source, "file"))


@pytest.mark.parametrize("problem", [{"a": 1}, [1], True])
def test_a_problem_that_is_no_text_is_refused_with_its_row(problem: Any):
    rows: Sequence[dict[str, Any]] = [{"problem": "x", "answer": "1"}, {"problem": problem, "answer": "1"}]
    with pytest.raises(UserError, match="file, row 1: column problem: text was expected"):
        list(records(iter(rows), SOURCES["deepscaler"], "file"))


@pytest.mark.parametrize("columns", [40, 80, WIDTH])
def test_the_list_names_every_source_and_copy_whole(columns: int):
    shown = io.StringIO()
    table_of(SOURCES.values()).show(Console(width=columns, file=shown))
    words = shown.getvalue().split()
    for source in SOURCES.values():
        assert source.name in words
        assert all(copy.id in words for copy in source.copies)
