"""The real vLLM on a CPU, killed and started again; and what `dgpo eval run` refuses before it starts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from dgpo.cli import main
from dgpo.evaluation.generations import sample_seed

SAMPLES = 8


def command(model: Path, data: Path, out: Path, *more: str) -> list[str]:
    options = ["--benchmarks", "sums,more", "--samples", str(SAMPLES), "--max-tokens", "100", "--max-num-seqs", "8"]
    return ["eval", "run", "--model", str(model), "--data", str(data), "--out", str(out), *options, *more]


def lines(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Whole lines of the generations, by benchmark."""
    found = {}
    for file in sorted((out / "generations").glob("*.jsonl")):
        whole = [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        found[file.stem] = [json.loads(line) for line in whole]
    return found


def start(model: Path, data: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dgpo.cli", *command(model, data, out)])


def engine_of(running: subprocess.Popen[bytes]) -> psutil.Process:
    """The process of its vLLM engine, once it is there."""
    deadline = time.monotonic() + 120
    while True:
        for each in psutil.Process(running.pid).children():
            if "dgpo.evaluation.engine" in each.cmdline():
                return each
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.timeout(600)
def test_a_killed_run_goes_on_without_losing_or_repeating_a_sample(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evaluation"
    first = start(model, data, out)
    deadline = time.monotonic() + 240
    while not (saved := lines(out)) or sum(map(len, saved.values())) < 24:
        assert first.poll() is None and time.monotonic() < deadline, (out / "engine-0.log").read_text()[-2000:]
        time.sleep(0.02)
    engine = engine_of(first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    engine.wait(timeout=60)  # it sees that nobody reads its results

    before = lines(out)
    assert 24 <= sum(map(len, before.values())) < 2 * 6 * SAMPLES, "it was not killed half way"
    settings = (out / "settings.json").read_text()
    cut = before["sums"][-1]
    with (out / "generations/sums.jsonl").open("r+b") as stream:
        stream.truncate(stream.seek(0, os.SEEK_END) - 20)

    assert main(command(model, data, out)) == 0
    assert "its last line was cut off" in capsys.readouterr().err
    assert json.dumps(cut).encode()[:40] in (out / "generations/sums.cut").read_bytes()
    assert (out / "settings.json").read_text() == settings

    after = lines(out)
    for name in ("sums", "more"):
        problems = [row["id"] for row in pq.read_table(data / f"{name}.parquet")["extra_info"].to_pylist()]
        identities = [(each["id"], each["sample"]) for each in after[name]]
        assert sorted(identities) == sorted((problem, sample) for problem in problems for sample in range(SAMPLES))
        kept = before.get(name, [])[: -1 if name == "sums" else None]
        assert after[name][: len(kept)] == kept
        assert all(each["seed"] == sample_seed(0, name, each["id"], each["sample"]) for each in after[name])
    # The sample that was cut off is made anew from its seed, and comes out the same.
    (again,) = [each for each in after["sums"] if (each["id"], each["sample"]) == (cut["id"], cut["sample"])]
    assert again == cut

    assert main(["eval", "score", str(out)]) == 0
    assert main(["eval", "report", str(out)]) == 0
    figures = json.loads((out / "report/report.json").read_text())["models"]["evaluation"]["benchmarks"]
    assert {name: each["problems"] for name, each in figures.items()} == {"sums": 6, "more": 6}

    # Another setting, and other problems under the same name, are refused.
    capsys.readouterr()
    assert main(command(model, data, out, "--temperature", "1.0")) == 2
    assert "sampling.temperature: 0.6 -> 1.0" in capsys.readouterr().err
    other = shutil.copytree(data, tmp_path / "other")
    shutil.copyfile(data / "more.parquet", other / "sums.parquet")
    assert main(command(model, other, out)) == 2
    assert "benchmarks.sums.content_hash" in capsys.readouterr().err
    assert lines(out) == after
    assert main(command(model, data, out)) == 0
    assert "96 of 96 samples are there" in capsys.readouterr().err


def test_an_interrupted_run_stops_its_engine(model: Path, data: Path, tmp_path: Path) -> None:
    running = start(model, data, tmp_path / "evaluation")
    engine = engine_of(running)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 130
    engine.wait(timeout=60)  # interrupted while it starts the engine, the run leaves it to see its closed input


def test_an_engine_that_dies_is_told_with_its_log(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(model, tmp_path / "broken")
    settings = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(settings | {"quantization_config": {"quant_method": "awq"}}))
    out = tmp_path / "evaluation"
    assert main(command(broken, data, out)) == 2
    said = capsys.readouterr().err
    assert "vLLM has ended (status 1): " in said and f"its log: {out}/engine-0.log" in said
    assert "Cannot find any of" in said and "Error" in (out / "engine-0.log").read_text()


@pytest.fixture
def refusal(refused: Callable[..., str], data: Path, tmp_path: Path) -> Callable[..., str]:
    """What the command says of a model and options, which must end with status 2 and no samples."""

    def refusal(model: Path | str, *more: str) -> str:
        places = ("--model", model, "--data", data, "--out", tmp_path / "out")
        said = refused("eval", "run", *places, "--benchmarks", "sums", "--max-tokens", "64", "--samples", "2", *more)
        assert not list(tmp_path.glob("out/generations/*"))
        return said

    return refusal


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--benchmarks", "aime24"], "more, sums); make it: `dgpo data prepare aime24 --out"),
        (["--benchmarks", "gsm8k-test"], "`dgpo data prepare gsm8k --split test --out"),
        (["--benchmarks", "mine"], "`dgpo data prepare NAME_OR_FILE --name mine --out"),
        (["--benchmarks", "sums,sums"], "each once"),
        (["--benchmarks", "../sums"], "=../sums: name one or more"),
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
        (["--samples", "many"], "--samples"),
        (["--top-p", "high"], "--top-p"),
        (["--dtype", "int8"], "--dtype"),
        (["--data", "/nowhere"], "/nowhere/sums.parquet"),
    ],
)
def test_options_that_cannot_be(model: Path, refusal: Callable[..., str], more: list[str], message: str) -> None:
    assert message in refusal(model, *more)


def test_models_that_cannot_be(
    model: Path, tmp_path: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no such directory" in refusal(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"--model={empty}: it has no weights" in refusal(empty)
    (empty / "checkpoints").mkdir()
    assert "there is no complete checkpoint" in refusal(empty)

    mute = shutil.copytree(model, tmp_path / "mute")
    for file in mute.glob("chat_template*"):
        file.unlink()
    config = json.loads((mute / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (mute / "tokenizer_config.json").write_text(json.dumps(config))
    assert "has no chat template" in refusal(mute)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "hf download owner/name --local-dir" in refusal("owner/name")


def test_a_file_in_the_place_of_the_folder(model: Path, tmp_path: Path, refusal: Callable[..., str]) -> None:
    (tmp_path / "out").write_text("a file")
    assert f"--out={tmp_path}/out: " in refusal(model)
