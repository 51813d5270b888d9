"""The arithmetic task of the quick start as prompts: a source made on the spot, and three splits at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dgpo.data.schema import PromptRow, make_row, write_parquet
from dgpo.data.sources.source import Record, Source
from dgpo.files import make_folder
from dgpo.tasks.arithmetic import DATA_SOURCE, DEFAULT_LEVELS, Problem, distinct_problems


def make(split: str, count: int, levels: Sequence[int], seed: int) -> Iterator[Record]:
    """`count` sums of one split, no two alike. Raises what `distinct_problems` raises."""
    problems = distinct_problems(split, count, levels=levels, seed=seed)
    return (Record(problem.text, problem.answer, problem.id, str(problem.level)) for problem in problems)


ARITHMETIC = Source(
    name=DATA_SOURCE,
    purpose="benchmark",
    licence="Apache-2.0",
    template="none",
    make=make,
    counts={"test": 128, "validation": 64, "train": 4096},
    purposes={"train": "train"},
    note="made on the spot; `dgpo data arithmetic` writes three splits at once",
)


def write_splits(
    out_dir: str | Path,
    *,
    train: int,
    validation: int,
    test: int,
    levels: Sequence[int] = DEFAULT_LEVELS,
    seed: int = 0,
) -> list[Path]:
    """Writes `train.parquet`, `validation.parquet` and `test.parquet` with so many problems each; returns the paths.

    Raises what `distinct_problems` and `make_folder` raise, before anything is written.
    """
    counts = {"train": train, "validation": validation, "test": test}
    splits = {split: distinct_problems(split, count, levels=levels, seed=seed) for split, count in counts.items()}
    make_folder(Path(out_dir), "out")
    return [
        write_parquet([_row(*each) for each in enumerate(problems)], Path(out_dir) / f"{split}.parquet")
        for split, problems in splits.items()
    ]


def _row(index: int, problem: Problem) -> PromptRow:
    return make_row(
        problem=problem.text,
        ground_truth=problem.answer,
        data_source=DATA_SOURCE,
        index=index,
        split=problem.split,
        level=str(problem.level),
        id=problem.id,
        source=DATA_SOURCE,
    )
