"""Two small benchmarks, an untrained model, and evaluations whose responses were written by hand."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.data.sources.arithmetic import write_splits
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.generations import Generation, append, data_file
from dgpo.evaluation.settings import Engine, ModelFacts, Sampling, Settings, agree_or_refuse
from dgpo.tasks import small_model

SETTINGS = Settings(
    model=ModelFacts(name="by hand", revision="sha256:0"),
    benchmarks={},
    sampling=Sampling(samples=1, max_tokens=100),
    engine=Engine(),
    versions={"vllm": "1"},
)


@pytest.fixture
def by_hand() -> Settings:
    """Settings of an evaluation without benchmarks."""
    return SETTINGS


@pytest.fixture
def data(made_data: Path, tmp_path: Path) -> Path:
    """A test's own benchmarks "sums" and "more" of 6 problems each."""
    return shutil.copytree(made_data, tmp_path / "benchmarks")


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks")
    write_splits(folder, train=6, validation=6, test=6, levels=[1])
    (folder / "train.parquet").unlink()
    (folder / "validation.parquet").rename(folder / "sums.parquet")
    (folder / "test.parquet").rename(folder / "more.parquet")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick start's model, untrained."""
    path, _ = small_model.create(tmp_path_factory.mktemp("model") / "untrained", seed=0, hidden_size=64, layers=2)
    return path


def _save(folder: Path, data: Path, responses: Mapping[str, Sequence[Sequence[str]]], **changes: Any) -> Path:
    """A folder as `dgpo eval run` leaves it: for each benchmark the responses to its first problems.

    The benchmarks are cut down to so many problems; `changes` are those of the settings.
    """
    cut = folder.with_name(folder.name + "-data")
    cut.mkdir()
    for name, problems in responses.items():
        pq.write_table(pq.read_table(data / f"{name}.parquet").slice(0, len(problems)), cut / f"{name}.parquet")
    benchmarks = read_benchmarks(cut, list(responses))
    sampling = replace(SETTINGS.sampling, samples=len(next(iter(responses.values()))[0]))
    facts = {each.name: each.facts for each in benchmarks}
    agree_or_refuse(folder, replace(SETTINGS, **{"benchmarks": facts, "sampling": sampling, **changes}))
    for benchmark in benchmarks:
        target = data_file(folder, benchmark.name)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(benchmark.path, target)
        pairs = zip(benchmark.problems, responses[benchmark.name], strict=True)
        lines = [
            Generation(
                id=problem.id,
                sample=sample,
                seed=1,
                prompt_tokens=9,
                response_tokens=len(text.replace("GOLD", problem.ground_truth)),
                finish_reason="length" if text.endswith("...") else "stop",
                text=text.replace("GOLD", problem.ground_truth),
            )
            for problem, texts in pairs
            for sample, text in enumerate(texts)
        ]
        append(folder, {benchmark.name: lines})
    return folder


@pytest.fixture(scope="session")
def save_to(made_data: Path) -> Callable[..., Path]:
    """An evaluation by hand: `save_to(folder, responses, **changed_settings)`; the folder."""
    return lambda folder, responses, **changes: _save(folder, made_data, responses, **changes)


@pytest.fixture
def save_evaluation(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """The same with a name in the test's own folder, on the test's own `data`."""
    return lambda name, responses, **changes: _save(tmp_path / name, data, responses, **changes)
