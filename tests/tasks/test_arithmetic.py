import random
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dgpo.cli import main
from dgpo.data.schema import check_parquet
from dgpo.data.sources.arithmetic import write_splits
from dgpo.errors import UserError
from dgpo.tasks.arithmetic import (
    LEVELS,
    SPLIT_PERCENT,
    Problem,
    boxed_answer,
    distinct_problems,
    problem_stream,
    worked_answer,
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    level = draw(st.sampled_from(list(LEVELS)))
    digits, addends = LEVELS[level].digits, LEVELS[level].addends
    operand = st.integers(10 ** (digits - 1), 10**digits - 1)
    return Problem(tuple(draw(st.lists(operand, min_size=addends, max_size=addends))), level)


@given(problems())
def test_a_noiseless_teacher_is_right_in_every_line(problem: Problem):
    *steps, last = worked_answer(problem).split("\n")
    for step in steps:
        terms, total = step.split("=")
        assert sum(map(int, terms.split("+"))) == int(total)
    assert last == f"\\boxed{{{sum(problem.operands)}}}"


@given(problems(), st.floats(0.1, 0.9), st.integers())
def test_a_noisy_answer_follows_from_its_own_steps(problem: Problem, noise: float, seed: int):
    *steps, last = worked_answer(problem, noise=noise, rng=random.Random(seed)).split("\n")
    carry, answer = 0, 0
    for place, step in enumerate(steps):
        terms, total = step.split("=")
        *digits, given_carry = map(int, terms.split("+"))
        assert digits == [operand // 10**place % 10 for operand in problem.operands]
        assert given_carry == carry
        carry, answer = int(total) // 10, answer + int(total) % 10 * 10**place
    assert last == f"\\boxed{{{answer + carry * 10 ** len(steps)}}}"


def test_each_column_is_wrong_as_often_as_the_noise_says():
    rng, problem = random.Random(0), Problem((1234, 5678), 3)
    steps = [s for _ in range(2000) for s in worked_answer(problem, noise=0.15, rng=rng).split("\n")[:-1]]
    wrong = sum(sum(map(int, left.split("+"))) != int(right) for left, right in (step.split("=") for step in steps))
    assert wrong / len(steps) == pytest.approx(0.15, abs=0.012)  # three standard errors of 8000 columns


def test_noise_without_a_generator_is_refused():
    with pytest.raises(ValueError, match="needs rng"):
        worked_answer(Problem((10, 10), 1), noise=0.1)


@given(problems())
def test_answers_stay_short(problem: Problem):
    assert len(worked_answer(problem, noise=0.5, rng=random.Random(0))) <= (50 if problem.level <= 3 else 51)


def test_the_last_box_is_the_answer():
    assert boxed_answer("\\boxed{1} then \\boxed{23}") == "23"
    assert boxed_answer("\\boxed{2") is None


@given(problems(), st.randoms())
def test_the_order_of_the_operands_does_not_change_the_split(problem: Problem, rng: random.Random):
    shuffled = tuple(rng.sample(problem.operands, len(problem.operands)))
    assert Problem(shuffled, problem.level).split == problem.split


@given(st.integers(), st.integers(), st.sampled_from(list(LEVELS)))
def test_splits_are_disjoint_whatever_the_seeds(seed: int, other: int, level: int):
    held_out = {p.key for p in distinct_problems("validation", 20, levels=[level], seed=seed)}
    held_out |= {p.key for p in distinct_problems("test", 20, levels=[level], seed=other)}
    assert len(held_out) == 40
    stream = problem_stream("train", [level], other)
    assert held_out.isdisjoint(next(stream).key for _ in range(100))


def test_splits_have_the_shares_they_claim():
    splits = [Problem((a, b), 2).split for a in range(100, 200) for b in range(300, 400)]
    for split, percent in SPLIT_PERCENT.items():
        assert splits.count(split) / len(splits) == pytest.approx(percent / 100, abs=0.015)


@given(st.sampled_from(list(SPLIT_PERCENT)), st.lists(st.sampled_from(list(LEVELS)), min_size=1, unique=True),
       st.integers(1, 60), st.integers())  # fmt: skip
def test_problems_are_distinct_of_their_split_and_in_turn(split: str, levels: list[int], count: int, seed: int):
    found = distinct_problems(split, count, levels=levels, seed=seed)
    assert len({problem.key for problem in found}) == count
    assert {problem.split for problem in found} == {split}
    assert [problem.level for problem in found] == [levels[i % len(levels)] for i in range(count)]
    assert found == distinct_problems(split, count, levels=levels, seed=seed)


@given(st.integers(), st.integers())
def test_another_seed_gives_other_problems(seed: int, other: int):
    assume(seed != other)
    one, two = (distinct_problems("train", 30, seed=s) for s in (seed, other))
    assert one != two


@pytest.mark.parametrize(
    ("count", "levels", "message"),
    [
        (0, [1], "validation=0: ask for at least 1"),
        (5, [], "levels=.*use one or more of 1, 2, 3, 4, 5"),
        (5, [1, 9], "levels=.*use one or more"),
        (5, [1, 1], "name each level once"),
        (5000, [1], "level 1, which offers 204 to this split; ask for at most 204"),
    ],
)
def test_what_cannot_be_drawn_is_refused(count: int, levels: list[int], message: str):
    with pytest.raises(UserError, match=message):
        distinct_problems("validation", count, levels=levels, seed=0)


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match="split='dev' is unknown; use one of train, validation, test"):
        problem_stream("dev", [1], 0)


def test_the_same_seed_writes_the_same_good_files(tmp_path: Path):
    sizes = {"train": 60, "validation": 9, "test": 12}
    paths = write_splits(tmp_path / "a", **sizes, seed=3)
    again = write_splits(tmp_path / "b", **sizes, seed=3)
    other = write_splits(tmp_path / "c", **sizes, seed=4)
    assert [path.name for path in paths] == ["train.parquet", "validation.parquet", "test.parquet"]
    for path, same, different in zip(paths, again, other, strict=True):
        assert check_parquet(path) == []
        assert path.read_bytes() == same.read_bytes() != different.read_bytes()
        for row in pq.read_table(path).to_pylist():
            terms = re.findall(r"\d+", row["prompt"][0]["content"])
            assert row["reward_model"]["ground_truth"] == str(sum(map(int, terms)))
            assert row["extra_info"]["split"] == path.stem


def test_the_command_writes_the_levels_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sizes = ["--train", "20", "--validation", "4", "--test", "6"]
    assert main(["data", "arithmetic", "--out", str(tmp_path), *sizes, "--levels", "2", "5"]) == 0
    assert "train.parquet: 20 problems" in capsys.readouterr().out
    levels = [row["extra_info"]["level"] for row in pq.read_table(tmp_path / "train.parquet").to_pylist()]
    assert levels == ["2", "5"] * 10


def test_the_command_writes_nothing_when_one_split_cannot_be_filled(tmp_path: Path, refused: Callable[..., str]):
    sizes = ("--train", "100", "--test", "1000", "--levels", "1")
    assert "offers 204 to this split" in refused("data", "arithmetic", "--out", tmp_path, *sizes)
    assert list(tmp_path.iterdir()) == []
