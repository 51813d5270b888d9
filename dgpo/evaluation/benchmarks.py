"""Benchmarks: a prompt file of `dgpo data prepare` with its problems, its hashes and what its manifest says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from dgpo.data.manifest import content_hash, read_manifest
from dgpo.data.schema import Message, check_parquet
from dgpo.data.sources import SOURCES
from dgpo.data.sources.source import split_name
from dgpo.errors import UserError
from dgpo.evaluation.settings import BenchmarkFacts
from dgpo.files import file_sha256

_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its id within the benchmark, the chat messages shown to the model, and the right answer."""

    id: str
    messages: list[Message]
    ground_truth: str


@dataclass(frozen=True)
class Benchmark:
    """A named set of problems in file order; `facts` go into the settings of a run."""

    name: str
    path: Path
    problems: list[Problem]
    facts: BenchmarkFacts


def read_benchmarks(data: Path, names: Sequence[str], template: str | None = None) -> list[Benchmark]:
    """The benchmarks `data/NAME.parquet`.

    Args:
        data: Folder of prompt files.
        names: Of the benchmarks.
        template: Prompt template that their manifests must name; None asks only that they agree.

    Raises:
        UserError: a benchmark is missing, named twice, damaged, not as its manifest says, or its template is
            not the one asked for.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise UserError(f"--benchmarks={','.join(names)}: name one or more benchmarks, each once")
    for name in names:
        if not _NAME.fullmatch(name):
            raise UserError(
                f"--benchmarks={','.join(names)}: {name!r} is no name; use letters, digits, '_', '-' and '.'"
            )
    found = [read_benchmark(data, name) for name in names]
    templates = {each.name: each.facts.template for each in found if each.facts.template is not None}
    unknown = [each.path for each in found if each.name not in templates]
    if template is not None and unknown:
        raise UserError(
            f"--template={template}: {unknown[0]} has no manifest to say how it was prepared; prepare it with "
            "`dgpo data prepare`, or leave the option out"
        )
    wrong = {name: used for name, used in templates.items() if template is not None and used != template}
    if wrong:
        name, used = next(iter(wrong.items()))
        raise UserError(
            f"--template={template}: {data / name}.parquet was prepared with the template {used!r}; "
            f"prepare it again: {_how_to_prepare(name, data, f' --template {template}')}"
        )
    texts = {each.facts.template_text for each in found if each.name in templates}  # "custom" has many texts
    if len(texts) > 1:
        listed = ", ".join(f"{name}: {used}" for name, used in templates.items())
        raise UserError(
            f"--benchmarks: they were prepared with different prompt templates ({listed}); prepare them with the "
            "same one, or evaluate them in separate runs"
        )
    return found


def read_benchmark(data: Path, name: str) -> Benchmark:
    """One benchmark; see `read_benchmarks`."""
    path = data / f"{name}.parquet"
    if not path.is_file():
        there = sorted(each.stem for each in data.glob("*.parquet"))
        raise UserError(
            f"{path}: there is no such benchmark (in {data}: {', '.join(there) or 'none'}); make it: "
            f"{_how_to_prepare(name, data)}"
        )
    faults = check_parquet(path)
    if faults:
        raise UserError("\n".join(faults))
    manifest = read_manifest(path)
    sha256 = file_sha256(path)
    if manifest is not None and manifest.sha256 != sha256:
        raise UserError(
            f"{path}: it has changed since its manifest was written (sha256 {sha256[:12]}, manifest "
            f"{manifest.sha256[:12]}); prepare the benchmark again"
        )
    rows = pq.read_table(path).to_pylist()
    infos = [row.get("extra_info") or {} for row in rows]
    problems = [
        Problem(str(info.get("id") or index), row["prompt"], row["reward_model"]["ground_truth"])
        for index, (row, info) in enumerate(zip(rows, infos, strict=True))
    ]
    _refuse_repeated_ids(path, problems)
    pairs = ((info.get("problem") or row["prompt"][-1]["content"], row["reward_model"]["ground_truth"])
             for row, info in zip(rows, infos, strict=True))  # fmt: skip
    facts = BenchmarkFacts(
        problems=len(problems),
        sha256=sha256,
        content_hash=content_hash(pairs),
        source=manifest.source if manifest else None,
        revision=manifest.revision if manifest else None,
        split=manifest.split if manifest else None,
        template=manifest.template if manifest else None,
        template_text=manifest.template_text if manifest else None,
    )
    return Benchmark(name, path, problems, facts)


def _how_to_prepare(name: str, data: Path, options: str = "") -> str:
    """The command for a split of a known source, or how to come by one for a name of somebody's own."""
    for source in SOURCES.values():
        for split in source.splits:
            if name == split_name(source.name, split, source.splits):
                chosen = "" if split == source.splits[0] else f" --split {split}"
                return f"`dgpo data prepare {source.name}{chosen} --out {data}{options}`"
    return (
        f"`dgpo data prepare NAME_OR_FILE --name {name} --out {data}{options}`, from your own file or one of what "
        "`dgpo data list` names"
    )


def _refuse_repeated_ids(path: Path, problems: Sequence[Problem]) -> None:
    first: dict[str, int] = {}
    for row, problem in enumerate(problems):
        if problem.id in first:
            raise UserError(
                f"{path}: rows {first[problem.id]} and {row} have the same extra_info.id {problem.id!r}; an id names "
                "one problem: prepare the file again"
            )
        first[problem.id] = row
