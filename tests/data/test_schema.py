from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from dgpo.data import check_parquet, make_row, write_parquet
from dgpo.data.schema import PromptRow


def row(index: int = 0, extra: dict[str, Any] | None = None, **changes: Any) -> PromptRow:
    fields: dict[str, Any] = {"problem": "1+1=?", "ground_truth": "2", "data_source": "sums", "split": "train"}
    made = make_row(index=index, **{**fields, **changes})
    made["extra_info"] |= extra or {}
    return made


def table(rows: list[PromptRow], tmp_path: Path) -> pa.Table:
    return pq.read_table(write_parquet(rows, tmp_path / "good.parquet"))


def with_column(base: pa.Table, name: str, values: pa.Array | list[Any]) -> pa.Table:
    return base.set_column(
        base.schema.get_field_index(name), name, pa.array(values) if isinstance(values, list) else values
    )


def test_a_row_carries_the_fields_that_verl_reads():
    origin = {"id": "a", "source": "org/sums", "revision": "0f", "subject": "Algebra", "raw_answer": "2.0"}
    system = {"role": "system", "content": "Be brief."}
    made = row(7, before=[system], user="What is 1+1?", level="2", **origin)
    assert made["prompt"] == [system, {"role": "user", "content": "What is 1+1?"}]
    assert made["reward_model"] == {"style": "rule", "ground_truth": "2"}
    assert made["extra_info"] == {"index": 7, "split": "train", "level": "2", "problem": "1+1=?", **origin}


def test_a_row_without_an_id_is_named_by_its_index():
    assert row(7)["extra_info"]["id"] == "7"


@pytest.mark.parametrize("name", ["problem", "ground_truth", "data_source", "split"])
def test_a_row_with_a_blank_field_is_refused(name: str):
    with pytest.raises(ValueError, match=f"{name}=' '.*non-empty"):
        row(**{name: " "})


def test_no_rows_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no rows"):
        write_parquet([], tmp_path / "empty.parquet")


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.builds(row, st.integers(0, 2**40), problem=texts, ground_truth=texts), min_size=1, max_size=5))
def test_what_is_written_is_read_back_and_found_good(tmp_path_factory: pytest.TempPathFactory, rows: list[PromptRow]):
    path = write_parquet(rows, tmp_path_factory.mktemp("rows") / "a" / "prompts.parquet")
    assert pq.read_table(path).to_pylist() == rows
    assert check_parquet(path) == []


def test_the_datasets_library_reads_files_of_different_sources_as_one(tmp_path: Path):
    paths = [str(write_parquet([row(level=level, data_source=level)], tmp_path / f"{level}.parquet")) for level in "ab"]
    # verl reads its files through this library and concatenates them.
    read = load_dataset("parquet", data_files=paths, cache_dir=str(tmp_path / "cache"))["train"]
    assert [r["data_source"] for r in read] == ["a", "b"]


def test_the_same_rows_give_the_same_bytes_and_leave_nothing_else_behind(tmp_path: Path):
    rows = [row(i, extra={"b": i} if i % 2 else {"a": "x"}) for i in range(50)]
    one = write_parquet(rows, tmp_path / "one.parquet").read_bytes()
    assert write_parquet(rows, tmp_path / "one.parquet").read_bytes() == one
    assert [path.name for path in tmp_path.iterdir()] == ["one.parquet"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path):
    path = write_parquet([row()], tmp_path / "prompts.parquet")
    before = path.read_bytes()
    with pytest.raises(pa.ArrowException):
        write_parquet([row(extra={"mixed": 1}), row(extra={"mixed": "text"})], path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
GOOD = [{"role": "user", "content": "1+1=?"}]

BAD_COLUMNS: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no prompt": (lambda t: t.drop_columns("prompt"), "column 'prompt' is missing"),
    "no data_source": (lambda t: t.drop_columns("data_source"), "column 'data_source' is missing"),
    "no reward_model": (lambda t: t.drop_columns("reward_model"), "column 'reward_model' is missing"),
    "a prompt of text": (lambda t: with_column(t, "prompt", ["1+1=?"] * 4), "prompt is '1+1=?'; give every row"),
    "a prompt of a list of texts": (lambda t: with_column(t, "prompt", [["1+1=?"]] * 4), "prompt is ['1+1=?']"),
    "no content": (lambda t: with_column(t, "prompt", [[{"role": "user"}]] * 4), "whose content is None"),
    "a numeric data_source": (lambda t: with_column(t, "data_source", [1] * 4), "data_source is 1"),
    "a bare ground truth": (lambda t: with_column(t, "reward_model", ["2"] * 4), "reward_model is '2'; make it"),
    "a numeric ground truth": (
        lambda t: with_column(t, "reward_model", [{"ground_truth": 2}] * 4),
        "reward_model.ground_truth is 2; give every row its answer as a non-empty string",
    ),
    "extra_info of text": (lambda t: with_column(t, "extra_info", ["x"] * 4), "extra_info is 'x'; make it a struct"),
    "no rows": (lambda t: t.slice(0, 0), "has 0 rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_a_wrong_column_is_named_with_its_remedy(name: str, tmp_path: Path):
    spoil, message = BAD_COLUMNS[name]
    path = tmp_path / "bad.parquet"
    pq.write_table(spoil(table([row(i) for i in range(4)], tmp_path)), path)
    problems = check_parquet(path)
    assert len(problems) == 1
    assert message in problems[0]


BAD_VALUES = {
    "a null prompt": ("prompt", pa.array([GOOD, None, GOOD, GOOD], MESSAGES), "row 1: prompt is None"),
    "an empty prompt": ("prompt", pa.array([GOOD, GOOD, [], []], MESSAGES), "row 2: prompt is []"),
    "a null message": ("prompt", pa.array([GOOD, [None], GOOD, GOOD], MESSAGES), "row 1: prompt is [None]"),
    "an unknown role": (
        "prompt",
        pa.array([GOOD, None, [*GOOD, {"role": "human", "content": "x"}], GOOD], MESSAGES),
        "row 2: prompt has a message whose role is 'human'; use one of system, user, assistant, tool",
    ),
    "no content": (
        "prompt",
        pa.array([GOOD, GOOD, GOOD, [{"role": "user", "content": " "}]], MESSAGES),
        "row 3: prompt has a message whose content is ' '",
    ),
    "no question": (
        "prompt",
        pa.array([GOOD, [{"role": "system", "content": "Be brief."}], GOOD, GOOD], MESSAGES),
        "row 1: prompt has no message of a user (roles: 'system')",
    ),
    "a null data_source": ("data_source", pa.array(["a", None, "a", "a"]), "row 1: data_source is None"),
    "a null ground truth": (
        "reward_model",
        [{"ground_truth": "2"}, {"ground_truth": None}, None, {"ground_truth": "  "}],
        "row 1: reward_model.ground_truth is None; give every row its answer as a non-empty string, "
        "or drop it (2 more rows have it)",
    ),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_wrong_value_is_named_with_its_row_and_remedy(name: str, tmp_path: Path):
    column, values, message = BAD_VALUES[name]
    path = tmp_path / "bad.parquet"
    pq.write_table(with_column(table([row(i) for i in range(4)], tmp_path), column, values), path)
    problems = check_parquet(path)
    assert any(message in problem for problem in problems), problems


def test_rows_are_counted_across_batches_and_faults_are_reported_together(tmp_path: Path):
    good = table([row()], tmp_path)
    bad = with_column(good, "data_source", [""])
    worse = with_column(good, "prompt", pa.array([[{"role": "user", "content": None}]], MESSAGES))
    path = tmp_path / "long.parquet"
    pq.write_table(pa.concat_tables([good.take([0] * 70_000), bad, good, worse]), path)
    problems = check_parquet(path)
    assert [problem.split(": ")[0] for problem in problems] == ["row 70000", "row 70002"]


def test_other_encodings_of_text_are_as_good(tmp_path: Path):
    base = table([row(i) for i in range(4)], tmp_path)
    sources = base.column("data_source").combine_chunks()
    large = pa.large_list(pa.struct([("role", pa.large_string()), ("content", pa.large_string())]))
    path = tmp_path / "other.parquet"
    pq.write_table(
        with_column(
            with_column(base, "data_source", sources.dictionary_encode()), "prompt", base.column("prompt").cast(large)
        ),
        path,
    )
    assert check_parquet(path) == []


def test_an_absent_file_and_a_directory_are_told_apart(tmp_path: Path):
    assert "does not exist" in check_parquet(tmp_path / "none.parquet")[0]
    assert "is a directory" in check_parquet(tmp_path)[0]


def test_a_damaged_file_is_reported_wherever_the_damage_is(tmp_path: Path):
    data = write_parquet([row(i, user=f"{i} {hash(i):x}") for i in range(500)], tmp_path / "a.parquet").read_bytes()
    damaged = {
        "empty": b"",
        "text": b"prompt,answer\n1,2\n",
        "cut short": data[: len(data) // 2],
        "a name that is no text": data.replace(b"data_source", b"data\xffsource"),
        "a page overwritten": data[:4] + b"\xff" * 400 + data[404:],
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        assert len(check_parquet(path)) == 1, name
        assert "cannot be read as parquet" in check_parquet(path)[0], name
