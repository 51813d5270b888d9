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

from dgpo.data.schema import prompt_rows
from dgpo.errors import UserError
from dgpo.versions import installed_versions

PACKAGES = ("dgpo", "huggingface-hub", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `NAME.manifest.json` holds."""

    name: str  # `data_source` in every row, and the stem of both files
    purpose: str  # "train" or "benchmark"; training problems are decontaminated of the latter
    source: str  # hub id, or "local" for files named on the command line
    revision: str  # commit of the hub's repository, "" where it is unknown
    split: str
    files: list[dict[str, str]]  # "path" in the folder given or the repository, and "sha256"
    template: str  # its name; its text has `{problem}` in it
    template_text: str
    rows_in: int  # equals `rows_out` plus the sum of `dropped`
    rows_out: int
    dropped: dict[str, int]  # by reason
    options: dict[str, Any]  # whatever else decided which rows are written: limits, seed, benchmarks compared with
    notes: list[str]  # what a reader should know: an unexpected number of rows, say
    sha256: str  # of the parquet file
    content_hash: str  # of problems and answers in order, whoever wrote the parquet file; see `content_hash`
    versions: dict[str, str] = field(
        default_factory=lambda: {"python": platform.python_version(), **installed_versions(PACKAGES)}
    )


def manifest_path(parquet: str | os.PathLike[str]) -> Path:
    """`DIR/NAME.manifest.json` for `DIR/NAME.parquet`."""
    return Path(parquet).with_suffix(".manifest.json")


def read_manifest(parquet: str | os.PathLike[str]) -> Manifest | None:
    """The manifest beside a prompt file, or None where there is none; UserError where the file is no manifest."""
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
    rows = prompt_rows(path, ("extra_info", "reward_model"))
    try:
        return content_hash((row["extra_info"]["problem"], row["reward_model"]["ground_truth"]) for row in rows)
    except (KeyError, TypeError):
        return None
