"""Files as people bring them, and what `dgpo data prepare` makes of one."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.cli import main

Row = dict[str, Any]
Table = Sequence[Row] | pa.Table | str | bytes


def write(path: Path, content: Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str | bytes):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    elif path.suffix == ".parquet":
        pq.write_table(content if isinstance(content, pa.Table) else pa.Table.from_pylist(list(content)), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, next(iter(content)))
            writer.writeheader()
            writer.writerows(content)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    return path


def prepared(path: Path, *options: str) -> list[Row]:
    """The rows written, read back."""
    out = path.parent / "out"
    as_it_is = ["--template", "none", "--name", "made"]
    assert main(["data", "prepare", str(path), "--out", str(out), *as_it_is, *options]) == 0
    return pq.read_table(out / "made.parquet").to_pylist()


def answers(path: Path, *options: str) -> list[str]:
    return [row["reward_model"]["ground_truth"] for row in prepared(path, *options)]


def asked(*answers: Any) -> list[Row]:
    return [{"problem": f"What is number {place}?", "answer": answer} for place, answer in enumerate(answers)]


def chat(*messages: tuple[str, Any]) -> list[Row]:
    return [{"role": role, "content": content} for role, content in messages]
