from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgpo.cli import main
from dgpo.data import make_row, write_parquet
from dgpo.data.check import Examination
from dgpo.data.manifest import manifest_path
from dgpo.data.schema import PromptRow


def row(index: int, problem: str, answer: str = "2") -> PromptRow:
    return make_row(problem=problem, ground_truth=answer, data_source="mine", index=index, split="train")


def test_a_sound_file_is_described(tmp_path: Path):
    path = write_parquet([row(0, "1+1=?"), row(1, "What is 1 + 1?"), row(2, "what is 1+1")], tmp_path / "a.parquet")
    found = Examination(path)
    assert (found.rows, found.faults) == (3, [])
    assert found.facts == [
        "characters a prompt: 5 to 14, median 11",
        "distinct ground truths: 1",
        "rows that repeat the problem of an earlier one: 1",
        "rows that repeat the extra_info.id of an earlier one: 0",
        "manifest: none beside it",
    ]


def test_a_ground_truth_that_no_response_can_match_is_a_fault(tmp_path: Path):
    rows = [row(0, "a"), row(1, "b", r"\frac{1}{2"), row(2, "c", "@@@"), row(3, "d", "@@@")]
    faults = Examination(write_parquet(rows, tmp_path / "a.parquet")).faults
    assert [fault.partition(": ")[0] for fault in faults] == ["row 1", "row 2"]
    assert "has braces that do not close" in faults[0] and "holds nothing that an answer could be" in faults[1]
    assert faults[1].endswith("as `dgpo data prepare` does (1 more rows have it)")


def test_faults_of_the_columns_come_first(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"prompt": ["a"]}), path)
    assert any("'data_source' is missing" in fault for fault in Examination(path).faults)


def test_a_file_without_extra_info_is_read_by_its_user_messages(tmp_path: Path):
    path = write_parquet([row(0, "a"), row(1, "a")], tmp_path / "a.parquet")
    pq.write_table(pq.read_table(path).drop_columns("extra_info"), path)
    facts = Examination(path).facts
    assert "rows that repeat the problem of an earlier one: 1" in facts
    assert "rows that repeat the extra_info.id of an earlier one: no such field" in facts


def test_a_prompt_that_an_assistant_ends_is_warned_of(tmp_path: Path):
    rows = [{**row(place, f"{place}+1=?"), "extra_info": {}} for place in range(2)]
    for each in rows:
        each["prompt"] = [*each["prompt"], {"role": "assistant", "content": "Sure:"}]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({name: [each[name] for each in rows] for name in rows[0] if name != "extra_info"}), path)
    found = Examination(path)
    assert "2 prompts end with an assistant's message, after" in found.text()
    assert "rows that repeat the problem of an earlier one: 0" in found.facts


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    assert main(["data", "prepare", "arithmetic", "--out", str(tmp_path), "--limit", "5"]) == 0
    return tmp_path / "arithmetic.parquet"


def test_a_file_agrees_with_its_manifest_until_it_is_changed(prepared: Path):
    assert "manifest: agrees (source: arithmetic, template: none)" in Examination(prepared).facts
    table = pq.read_table(prepared)
    pq.write_table(table, prepared, compression="none")
    assert any("the same problems and answers in other bytes" in fact for fact in Examination(prepared).facts)
    pq.write_table(table.slice(1), prepared)
    (fault,) = Examination(prepared).faults
    assert "is not the file of its manifest" in fault


def test_a_file_without_the_problems_of_its_manifest_is_another_file(prepared: Path):
    table = pq.read_table(prepared)
    info = pa.StructArray.from_arrays([table["extra_info"].combine_chunks().field("id")], names=["id"])
    for other in (table.drop_columns("extra_info"), table.set_column(4, "extra_info", info)):
        pq.write_table(other, prepared)
        (fault,) = Examination(prepared).faults
        assert "is not the file of its manifest" in fault


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "x"}', "\xff"])
def test_a_damaged_manifest_is_named(content: str, prepared: Path):
    manifest_path(prepared).write_text(content, encoding="latin-1")
    (fault,) = Examination(prepared).faults
    assert "is no manifest" in fault
    assert str(manifest_path(prepared)) in fault


def test_the_command_tells_good_files_from_bad_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good = write_parquet([row(0, "1+1=?"), row(1, "2=?")], tmp_path / "good.parquet")
    assert main(["data", "check", str(good)]) == 0
    assert capsys.readouterr().out.startswith(f"{good}: 2 prompts, no fault found\n  characters")
    bad = write_parquet([row(i, f"{i}=?", "@" * (i + 3)) for i in range(12)], tmp_path / "bad.parquet")
    assert main(["data", "check", str(good), str(bad), str(tmp_path / "none.parquet")]) == 1
    shown = capsys.readouterr().out
    assert "none.parquet: does not exist" in shown
    assert f"{bad}: 2 more faults" in shown


FAULTY = {
    "a solution": (("p?", "Add them.\n#### 4"), "is a solution; its answer is '4'"),
    "a printed list": (("p?", "['4']"), "is a container that was printed as text"),
    "no answer": (("p?", "N/A"), "says that there is no answer"),
    "a lost backslash": (("p?", "rac{1}{2}"), "lost its backslash"),
    "an eaten backslash": (("Is $\frac12$ one?", "4"), "the prompt holds a form feed and then 'rac'"),
    "the place of a picture": (("<image>x?", "4"), "the prompt has '<image>', the place of a picture"),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_what_no_response_can_earn_is_found(kind: str, tmp_path: Path):
    (problem, answer), message = FAULTY[kind]
    found = Examination(write_parquet([row(0, "1+1=?"), row(1, problem, answer)], tmp_path / "a.parquet"))
    assert ["row 1" in fault and message in fault for fault in found.faults] == [True]


def test_a_name_or_a_column_that_verl_does_not_load_is_found(tmp_path: Path):
    path = write_parquet([row(0, "1+1=?")], tmp_path / "a.parquet")
    assert Examination(path).faults == []
    other = path.rename(tmp_path / "a.pq")
    assert "verl loads files that end in .parquet" in Examination(other).faults[0]
    table = pq.read_table(other)
    pq.write_table(table.append_column("images", pa.array([[{"bytes": b"x"}]])), tmp_path / "b.parquet")
    assert "row 0: column 'images' is not empty" in Examination(tmp_path / "b.parquet").faults[0]
    said = {"huggingface": '{"info": {"features": {"prompt": {"_type": "NotYetInvented"}}}}'}
    pq.write_table(table.replace_schema_metadata(said), tmp_path / "c.parquet")
    assert "'NotYetInvented' not found" in Examination(tmp_path / "c.parquet").faults[0]


def test_prompts_that_ask_for_something_else_are_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_parquet([row(0, "1+1=?"), row(1, '1+2=? Answer after "####".')], tmp_path / "a.parquet")
    assert main(["data", "check", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"warning: {path}: 1 prompts want the answer elsewhere than in \\boxed{{}}" in said
    assert "(first: row 1)" in said
