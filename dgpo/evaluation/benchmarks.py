"""Reads benchmarks: the prompt file of each, with its problems, hashes and manifest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgpo.data.manifest import content_hash, read_manifest
from dgpo.data.schema import Message, check_parquet, prompt_rows
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
    """The benchmarks `data/NAME.parquet`, whose manifests must name the prompt template, or with None only agree.

    Raises:
        UserError: a benchmark is missing, named twice, damaged, not as its manifest says, or its template is
            not the one asked for.
    """
    if not names or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        raise UserError(
            f"--benchmarks={','.join(names)}: name one or more benchmarks, each once, by letters, digits, '_', '-' "
            "and '.'"
        )
    benchmarks = [read_benchmark(data, name) for name in names]
    for each in benchmarks:
        if template is not None and (own := each.facts.template) != template:
            how = "has no manifest to say how it was prepared"
            if own is not None:
                how = f"was prepared with the template {own!r}"
            raise UserError(
                f"--template={template}: {each.path} {how}; "
                f"prepare it again: {_how_to_prepare(each.name, data, f' --template {template}')}"
            )
    # "custom" has many texts.
    if len({each.facts.template_text for each in benchmarks if each.facts.template is not None}) > 1:
        listed = ", ".join(f"{each.name}: {each.facts.template}" for each in benchmarks)
        raise UserError(
            f"--benchmarks: they were prepared with different prompt templates ({listed}); prepare them with the "
            "same one, or evaluate them in separate runs"
        )
    return benchmarks


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
        raise UserError("\n".join(f"{path}: {fault}" for fault in faults))
    manifest = read_manifest(path)
    sha256 = file_sha256(path)
    if manifest is not None and manifest.sha256 != sha256:
        raise UserError(
            f"{path}: it has changed since its manifest was written (sha256 {sha256[:12]}, manifest "
            f"{manifest.sha256[:12]}); prepare the benchmark again"
        )
    rows = list(prompt_rows(path, ("prompt", "reward_model", "extra_info")))
    infos = [row.get("extra_info") or {} for row in rows]
    problems: dict[str, Problem] = {}
    for index, (row, info) in enumerate(zip(rows, infos, strict=True)):
        id = str(info.get("id") or index)
        if id in problems:
            raise UserError(
                f"{path}: rows {[*problems].index(id)} and {index} have the same extra_info.id {id!r}; an id names one "
                "problem: prepare the file again"
            )
        problems[id] = Problem(id, row["prompt"], row["reward_model"]["ground_truth"])
    texts = (info.get("problem") or row["prompt"][-1]["content"] for row, info in zip(rows, infos, strict=True))
    facts = BenchmarkFacts(
        problems=len(problems),
        sha256=sha256,
        content_hash=content_hash(zip(texts, (each.ground_truth for each in problems.values()), strict=True)),
        **{key: getattr(manifest, key, None) for key in ("source", "revision", "split", "template", "template_text")},
    )
    return Benchmark(name, path, [*problems.values()], facts)


def _how_to_prepare(name: str, data: Path, options: str = "") -> str:
    """The command that prepares a known benchmark, or a file of one's own under another name."""
    for source in SOURCES.values():
        for split in source.splits:
            if name == split_name(source.name, split, source.splits):
                chosen = "" if split == source.splits[0] else f" --split {split}"
                return f"`dgpo data prepare {source.name}{chosen} --out {data}{options}`"
    return (
        f"`dgpo data prepare NAME_OR_FILE --name {name} --out {data}{options}`, from your own file or one of what "
        "`dgpo data list` names"
    )
