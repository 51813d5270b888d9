from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.data import make_row, write_parquet
from dgpo.data.decontaminate import BenchmarkIndex, BenchmarkProblem, benchmark_files, read_problems, shingles
from dgpo.errors import UserError

TRAIN = (
    "Every morning Aya goes for a $9$-kilometer-long walk and stops at a coffee shop afterwards. When she walks at a "
    "constant speed of $s$ kilometers per hour, the walk takes her 4 hours, including $t$ minutes spent in the shop."
)

words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30).map(" ".join)


def index(*problems: str, near: float = 0.7) -> BenchmarkIndex:
    return BenchmarkIndex([BenchmarkProblem("aime24", str(i), text) for i, text in enumerate(problems)], near)


def test_an_exact_repeat_names_the_problem_it_repeats():
    found = index("What is 1+1?", TRAIN).find(TRAIN.upper().replace("$", ""))
    assert found is not None
    assert (found[0].id, found[1]) == ("1", 1.0)


def test_a_small_change_of_wording_is_found_and_another_problem_is_not():
    found = index(TRAIN).find(TRAIN.replace("Aya", "Mia"))
    assert found is not None
    assert 0.7 <= found[1] < 1
    assert index(TRAIN).find("How many walks of 9 kilometers does Aya need for a total of 4 hours?") is None


def test_the_most_alike_of_several_is_named():
    close, closer = TRAIN.replace("morning", "single evening"), TRAIN.replace("morning", "evening")
    found = index(close, closer, near=0.3).find(TRAIN)
    assert found is not None
    assert found[0].text == closer


def test_the_threshold_is_the_least_similarity_reported():
    changed = TRAIN.replace("Aya", "Mia").replace("constant", "steady")
    found = index(TRAIN, near=0.01).find(changed)
    assert found is not None and 0.5 < (similarity := found[1]) < 0.9
    assert index(TRAIN, near=similarity - 0.01).find(changed) is not None
    assert index(TRAIN, near=similarity + 0.01).find(changed) is None
    assert index(TRAIN, near=1).find(TRAIN.replace("Aya", "Mia")) is None


@given(st.lists(words, min_size=1, max_size=5), words, st.sampled_from([0.01, 0.2, 0.3, 0.5, 0.7]))
def test_the_similarity_is_the_share_of_common_runs_and_the_greatest_is_found(
    problems: list[str], problem: str, near: float
):
    sets, mine = [shingles(each) for each in problems], shingles(problem)
    most = max(len(each & mine) / len(each | mine) for each in sets)
    found = index(*problems, near=near).find(problem)
    assert (found[1] if found else 0) == (1 if problem in problems else most * (most >= near))


def test_a_folder_without_benchmarks_and_other_files_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no benchmark there; `dgpo data prepare"):
        benchmark_files([tmp_path])
    with pytest.raises(UserError, match="no such file or folder"):
        benchmark_files([tmp_path / "none"])
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="no prompt file"):
        read_problems(tmp_path / "bad.parquet")
    row = make_row(problem="1+1=?", ground_truth="2", data_source="sums", index=3, split="test")
    nameless = {**row, "extra_info": {**row["extra_info"], "problem": None}}
    with pytest.raises(UserError, match=r"extra_info\.problem is not text"):
        read_problems(write_parquet([nameless], tmp_path / "nameless.parquet"))


def test_any_prompt_file_may_be_named(tmp_path: Path):
    row = make_row(problem="1+1=?", ground_truth="2", data_source="sums", index=3, split="test")
    path = write_parquet([row], tmp_path / "sums.parquet")
    assert benchmark_files([path]) == [path]
    assert read_problems(path) == [BenchmarkProblem("sums", "3", "1+1=?")]
