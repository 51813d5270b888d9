from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.data.check import Examination
from dgpo.data.environments import write_tasks
from dgpo.errors import UserError


def tasks(file: Path) -> list[dict[str, Any]]:
    return [row["extra_info"]["env"] for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("id", ["FrozenLake-v1", "Blackjack-v1"])
def test_no_task_comes_twice_and_a_seed_gives_the_same_again(tmp_path: Path, id: str) -> None:
    files = write_tasks(tmp_path / "one", id, tasks=30, validation=10, seed=3)
    drawn = [(task["kwargs"], task["seed"]) for file in files for task in tasks(file)]
    assert len(drawn) == len(set(drawn)) == 40
    again = write_tasks(tmp_path / "two", id, tasks=30, validation=10, seed=3)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files]
    assert tasks(write_tasks(tmp_path / "three", id, tasks=30, validation=10, seed=4)[0]) != tasks(files[0])
    # With fewer training tasks the validation is the same.
    assert tasks(write_tasks(tmp_path / "four", id, tasks=5, validation=10, seed=3)[1]) == tasks(files[1])
    assert Examination(files[0]).faults == []


def test_rows_tell_the_kind_of_a_task_and_the_prompt_that_was_given(tmp_path: Path) -> None:
    train, _ = write_tasks(tmp_path, "FrozenLake-v1", tasks=4, validation=2, prompt="Go.")
    rows = pq.read_table(train).to_pylist()
    assert {row["data_source"] for row in rows} == {"FrozenLake-v1.open", "FrozenLake-v1.detour"}
    assert {row["prompt"][0]["content"] for row in rows} == {"Go."}
    fixed, _ = write_tasks(tmp_path, "FrozenLake-v1", tasks=2, validation=1, kwargs='{"map_name": "8x8"}')
    assert {task["kwargs"] for task in tasks(fixed)} == {'{"map_name": "8x8"}'}
    own, _ = write_tasks(tmp_path, "gymnasium:Blackjack-v1", tasks=1, validation=1, kwargs='{"natural": true}')
    (row,) = pq.read_table(own).to_pylist()
    assert row["data_source"] == "Blackjack-v1" and row["extra_info"]["env"]["kwargs"] == '{"natural": true}'


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tasks": 0}, "tasks=0"),
        ({"validation": 0}, "validation=0"),
        ({"seed": -1}, "seed=-1"),
        ({"kwargs": "{size"}, "kwargs={size"),
        ({"kwargs": "3"}, "kwargs=3"),
        ({"id": "Nowhere-v0"}, "id=Nowhere-v0"),
        ({"kwargs": '{"nosuch": 1}'}, "id=Blackjack-v1: .* keyword argument 'nosuch'"),
        ({"id": "CartPole-v1"}, "environment CartPole-v1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match="^" + says.replace("{", r"\{")):
        write_tasks(tmp_path, **{"id": "Blackjack-v1", "tasks": 2, "validation": 1, **wrong})
