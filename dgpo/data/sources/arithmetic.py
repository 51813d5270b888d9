"""The arithmetic task of the quick start as a source, made on the spot."""

from collections.abc import Iterator, Sequence

from dgpo.data.sources.source import Record, Source
from dgpo.tasks.arithmetic import DATA_SOURCE, distinct_problems


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
