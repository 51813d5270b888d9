"""Two small benchmarks, an untrained model, and evaluations whose responses were written by hand."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dgpo.data.sources.arithmetic import write_splits
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.settings import agree_or_refuse
from dgpo.evaluation.store import Generation, Writer, data_file
from dgpo.tasks import small_model


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


def _generation(problem: str, sample: int, text: str, **changes: Any) -> Generation:
    """One saved sample."""
    facts: dict[str, Any] = {"seed": 1, "prompt_tokens": 9, "response_tokens": len(text), "finish_reason": "stop"}
    return {"id": problem, "sample": sample, "text": text, **{**facts, **changes}}  # pyright: ignore


def _save_evaluation(
    folder: Path, data: Path, responses: Mapping[str, Sequence[Sequence[str]]], **changes: dict[str, Any]
) -> Path:
    """A folder as `dgpo eval run` leaves it: for each benchmark the responses to its first problems.

    The benchmarks are cut down to so many problems.
    """
    import pyarrow.parquet as pq

    cut = folder.with_name(folder.name + "-data")
    cut.mkdir()
    for name, problems in responses.items():
        pq.write_table(pq.read_table(data / f"{name}.parquet").slice(0, len(problems)), cut / f"{name}.parquet")
    benchmarks = read_benchmarks(cut, list(responses))
    samples = len(next(iter(responses.values()))[0])
    settings: dict[str, Any] = {
        "model": {"name": "by hand"},
        "benchmarks": {each.name: each.facts for each in benchmarks},
        "sampling": {"samples": samples, "temperature": 0.6, "max_tokens": 100},
        "versions": {},
    }
    agree_or_refuse(folder, {key: {**value, **changes.get(key, {})} for key, value in settings.items()})
    writer = Writer(folder, [each.name for each in benchmarks])
    for benchmark in benchmarks:
        target = data_file(folder, benchmark.name)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(benchmark.path, target)
        batch = []
        for problem, texts in zip(benchmark.problems, responses[benchmark.name], strict=True):
            for sample, text in enumerate(texts):
                finish = "length" if text.endswith("...") else "stop"
                text = text.replace("GOLD", problem.ground_truth)
                batch.append((benchmark.name, _generation(problem.id, sample, text, finish_reason=finish)))
        writer.write(batch)
    writer.close()
    return folder


@pytest.fixture
def save_evaluation(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """An evaluation by hand: `save_evaluation(name, responses, **changed_settings)`; its folder."""
    return lambda name, responses, **changes: _save_evaluation(tmp_path / name, data, responses, **changes)
