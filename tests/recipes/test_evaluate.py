"""recipes/evaluate.sh: three commands from its variables."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recipes.conftest import BENCHMARKS, ROOT, Done


@pytest.fixture
def evaluated(recipe: Callable[..., Done]) -> Callable[..., list[list[str]]]:
    """The commands of the recipe."""

    def evaluated(*arguments: str, cwd: Path = ROOT, **variables: str) -> list[list[str]]:
        done = recipe("evaluate.sh", *arguments, cwd=cwd, DRY_RUN="1", **variables)
        return [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("dgpo ")]

    return evaluated


def test_an_evaluation_s_three_commands_follow_its_variables(
    evaluated: Callable[..., list[list[str]]], tmp_path: Path
) -> None:
    *prepare, run, score, report = evaluated("a/b", "--samples", "4", DATA=str(tmp_path))
    assert [command[3] for command in prepare] == BENCHMARKS
    assert run[3:] == [
        "--model", "a/b", "--benchmarks", ",".join(BENCHMARKS), "--data", str(tmp_path), "--out", "evaluations/a-b",
        "--samples", "4",
    ]  # fmt: skip
    assert score[3:] == ["evaluations/a-b"] and report[3:] == ["evaluations/a-b"]
    one, run, score, _ = evaluated("a/b", DATA=str(tmp_path), BENCHMARKS="aime24", OUT="x", FROM="downloads")
    assert one[3:] == ["aime24", "--out", str(tmp_path), "--from", "downloads/aime24"]
    assert run[-1] == "x" and score[3:] == ["x"]
    *prepare, run, _, _ = evaluated("a/b", DATA=str(tmp_path), BENCHMARKS="aime24 aime25")
    assert len(prepare) == 2 and run[6] == "aime24,aime25"


def test_an_evaluation_takes_its_paths_from_where_it_is_called(
    evaluated: Callable[..., list[list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "mymodel").mkdir()
    first, *_, run, _, report = evaluated("mymodel/", cwd=tmp_path, OUT="scores", DATA="data", FROM="raw")
    assert first[3:] == ["aime24", "--out", f"{tmp_path}/data", "--from", f"{tmp_path}/raw/aime24"]
    assert run[4] == f"{tmp_path}/mymodel" and run[8] == f"{tmp_path}/data" and report[3:] == [f"{tmp_path}/scores"]
    # What is not there may be a hub's model.
    assert evaluated("owner/name", cwd=tmp_path, DATA=str(tmp_path))[-3][4] == "owner/name"


@pytest.mark.parametrize("option", ["--out", "--out=x", "--benchmarks", "--data", "--model=x"])
def test_an_option_that_one_of_three_commands_would_follow_is_refused(
    recipe: Callable[..., Done], evaluated: Callable[..., list[list[str]]], option: str
) -> None:
    done = recipe("evaluate.sh", "model", option, "x", DRY_RUN="1", ends=2)
    assert done.stdout == "" and f"{option}: say it with BENCHMARKS" in done.stderr
    # This one only begins alike.
    assert evaluated("a/b", "--data-parallel-size", "8")[-3][-1] == "8"
