"""Which training problems repeat a benchmark's: letter for letter but for layout, or nearly.

Near duplicates are told by the Jaccard similarity of their sets of five successive tokens. An index from each of these
to the benchmark problems that have it finds every pair; common ones, as of an instruction, are hardly ever looked up.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgpo.data.duplicates import Entry, Reason, normal_form, tokens
from dgpo.data.instructions import strip_instructions
from dgpo.data.manifest import read_manifest
from dgpo.data.schema import prompt_rows
from dgpo.errors import UserError

SHINGLE = 5


@dataclass(frozen=True, slots=True)
class BenchmarkProblem:
    """A problem that training must not see: its set, its id within that, its text."""

    benchmark: str
    id: str
    text: str


def shingles(problem: str) -> frozenset[str]:
    """All runs of `SHINGLE` tokens; the whole text where it is shorter."""
    parts = tokens(problem)
    return frozenset(" ".join(parts[place : place + SHINGLE]) for place in range(max(1, len(parts) - SHINGLE + 1)))


class BenchmarkIndex:
    """Benchmark problems, to be asked which of them a training problem repeats.

    `threshold` in (0, 1] is the least similarity that counts.
    """

    def __init__(self, problems: Sequence[BenchmarkProblem], threshold: float) -> None:
        self._problems = problems
        self._threshold = threshold
        self._exact = {normal_form(each.text): each for each in reversed(problems)}
        self._shingles = [shingles(each.text) for each in problems]
        self._places = defaultdict[str, list[int]](list)  # the problems that have each run
        for place, parts in enumerate(self._shingles):
            for part in parts:
                self._places[part].append(place)

    def find(self, problem: str) -> tuple[BenchmarkProblem, float] | None:
        """The benchmark problem most like this one, and how alike they are: 1 where their normal forms are equal. None
        where none reaches the threshold."""
        exact = self._exact.get(normal_form(problem))
        if exact is not None:
            return exact, 1.0
        if self._threshold == 1:
            return None
        mine = shingles(problem)
        # One that is like enough shares that part of the runs, and so one at least of the rarest of them.
        by_number = sorted(mine, key=lambda part: len(self._places.get(part, ())))
        rarest = by_number[: len(mine) - int(self._threshold * len(mine)) + 1]
        candidates = sorted({place for part in rarest for place in self._places.get(part, ())})
        # |A ∩ B| / |A ∪ B|
        alike = {at: len(mine & self._shingles[at]) / len(mine | self._shingles[at]) for at in candidates}
        best = max(alike, key=alike.__getitem__, default=None)
        return None if best is None or alike[best] < self._threshold else (self._problems[best], alike[best])

    def reason_to_drop(self, entry: Entry) -> Reason | None:
        """For `drop_where`: the benchmark problem that one repeats."""
        found = self.find(entry.first.problem)
        if found is None:
            return None
        twin, similarity = found
        of = {"benchmark": twin.benchmark, "benchmark_id": twin.id, "benchmark_problem": twin.text}
        how = "in a benchmark" if similarity == 1 else "nearly in a benchmark"
        return how, {**of, "similarity": round(similarity, 3)}


def benchmark_files(paths: Sequence[Path]) -> list[Path]:
    """The files given; of a folder, those whose manifest calls them a benchmark. UserError where there is none."""
    benchmarks: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"decontaminate={path}: there is no such file or folder; prepare the benchmarks first")
        files = [path]
        if path.is_dir():
            manifests = ((file, read_manifest(file)) for file in sorted(path.glob("*.parquet")))
            files = [file for file, manifest in manifests if manifest and manifest.purpose == "benchmark"]
            if not files:
                raise UserError(f"decontaminate={path}: no benchmark there; `dgpo data prepare aime24 --out {path}`")
        benchmarks += files
    return benchmarks


def read_problems(file: Path) -> list[BenchmarkProblem]:
    """The problems of a prompt file. Raises UserError where it is none that `dgpo data prepare` writes."""
    try:
        rows = list(prompt_rows(file, ("data_source", "extra_info")))
        if not rows or not all(isinstance(row["extra_info"]["problem"], str) for row in rows):
            raise TypeError("extra_info.problem is not text in every row")
        infos = [(row["data_source"], row["extra_info"]) for row in rows]
        return [BenchmarkProblem(name, info["id"], strip_instructions(info["problem"])) for name, info in infos]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"decontaminate={file}: no prompt file of `dgpo data prepare` ({error!r:.120}); prepare it"
        ) from error
