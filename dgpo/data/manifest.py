"""The manifest beside a prompt file: where the rows came from, what was dropped and why, and their hashes.

It holds no date and no absolute path, so the same input gives the same manifest.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dgpo.errors import UserError
from dgpo.versions import installed_versions

PACKAGES = ("dgpo", "datasketch", "huggingface-hub", "math-verify", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `NAME.manifest.json` holds.

    Attributes:
        name: of the data set; `data_source` in every row, and the stem of both files.
        purpose: "train" or "benchmark"; training problems are decontaminated of the latter.
        source: hub id, or "local" for files named on the command line.
        revision: commit of the hub's repository, "" where it is unknown.
        split: of the source.
        files: `{"path", "sha256"}` of each file read; paths relative to the folder given, or in the repository.
        template: name of the prompt template; `template_text` is its text with `{problem}` in it.
        rows_in: rows read. Equals `rows_out` plus the sum of `dropped`.
        dropped: rows left out, by reason.
        options: whatever else decided which rows are written: limits, seed, benchmarks compared with.
        notes: what a reader should know: an unexpected number of rows, say.
        sha256: of the parquet file.
        content_hash: of problems and answers in order, whoever wrote the parquet file; see `content_hash`.
        versions: Python's and those of `PACKAGES`.
    """

    name: str
    purpose: str
    source: str
    revision: str
    split: str
    files: list[dict[str, str]]
    template: str
    template_text: str
    rows_in: int
    rows_out: int
    dropped: dict[str, int]
    options: dict[str, Any]
    notes: list[str]
    sha256: str
    content_hash: str
    versions: dict[str, str] = field(
        default_factory=lambda: {"python": platform.python_version(), **installed_versions(PACKAGES)}
    )


def manifest_path(parquet: str | os.PathLike[str]) -> Path:
    """`DIR/NAME.manifest.json` for `DIR/NAME.parquet`."""
    return Path(parquet).with_suffix(".manifest.json")


def read_manifest(parquet: str | os.PathLike[str]) -> Manifest | None:
    """The manifest beside a prompt file, or None where there is none.

    Raises UserError where the file is no manifest.
    """
    path = manifest_path(parquet)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(**{each.name: content[each.name] for each in fields(Manifest)})
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no manifest ({error!r}); prepare the data again, or remove it") from error


def content_hash(pairs: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over `[problem, ground_truth]` as JSON, a pair a line, in order."""
    digest = hashlib.sha256()
    for problem, ground_truth in pairs:
        digest.update(json.dumps([problem, ground_truth]).encode() + b"\n")
    return digest.hexdigest()


def parquet_content_hash(path: str | os.PathLike[str]) -> str | None:
    """`content_hash` of a prompt file, from `extra_info.problem` and `reward_model.ground_truth`; None without them."""
    columns = ["extra_info.problem", "reward_model.ground_truth"]
    with pq.ParquetFile(path) as file:
        if not {file.schema.column(place).path for place in range(len(file.schema))}.issuperset(columns):
            return None

        def pairs() -> Iterable[tuple[str, str]]:
            for batch in file.iter_batches(columns=columns):
                problems = batch.column("extra_info").field("problem").to_pylist()
                yield from zip(problems, batch.column("reward_model").field("ground_truth").to_pylist(), strict=True)

        return content_hash(pairs())
