import json
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dgpo.data.manifest import Manifest, manifest_path
from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.files import file_sha256


def write_manifest(parquet: Path, **changes: str) -> None:
    """A manifest of which `dgpo eval run` reads the source, the template and the hash."""
    content = {each.name: "" for each in fields(Manifest)}
    known = {"source": "local", "template": "r1", "sha256": file_sha256(parquet)}
    known["template_text"] = f"text of {changes.get('template', 'r1')}"
    manifest_path(parquet).write_text(json.dumps({**content, **known, **changes}))


def test_manifests_decide_on_template_and_content(data: Path) -> None:
    write_manifest(data / "sums.parquet")
    write_manifest(data / "more.parquet", template="none")
    facts = read_benchmarks(data, ["sums"], "r1")[0].facts
    assert (facts.template, facts.source, facts.sha256) == ("r1", "local", file_sha256(data / "sums.parquet"))
    with pytest.raises(UserError, match=r"--template=none: .*sums\.parquet was prepared with the template 'r1'"):
        read_benchmarks(data, ["sums"], "none")
    with pytest.raises(UserError, match=r"different prompt templates .*sums: r1, more: none"):
        read_benchmarks(data, ["sums", "more"])
    write_manifest(data / "more.parquet", template="custom", template_text="one {problem}")
    write_manifest(data / "sums.parquet", template="custom", template_text="another {problem}")
    with pytest.raises(UserError, match="different prompt templates"):
        read_benchmarks(data, ["sums", "more"])
    write_manifest(data / "sums.parquet", sha256="0" * 64)
    with pytest.raises(UserError, match="it has changed since its manifest was written"):
        read_benchmarks(data, ["sums"])
    manifest_path(data / "sums.parquet").write_text("{}")
    with pytest.raises(UserError, match="is no manifest"):
        read_benchmarks(data, ["sums"])


def test_a_damaged_benchmark_is_refused(data: Path) -> None:
    table = pq.read_table(data / "sums.parquet")
    pq.write_table(table.take([0, 1, 0]), data / "sums.parquet")
    with pytest.raises(UserError, match=r"rows 0 and 2 have the same extra_info\.id"):
        read_benchmarks(data, ["sums"])
    (data / "more.parquet").write_bytes((data / "more.parquet").read_bytes()[:-40])
    with pytest.raises(UserError, match="cannot be read as parquet"):
        read_benchmarks(data, ["more"])
