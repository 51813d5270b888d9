"""The real vLLM on a CPU, killed and started again; and what `dgpo eval run` refuses before it starts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

from dgpo.evaluation import report, run, score
from dgpo.evaluation.model import find_model
from dgpo.evaluation.store import sample_seed
from dgpo.runs.checkpoints import write_manifest

SAMPLES = 8


def command(model: Path, data: Path, out: Path, *more: str) -> list[str]:
    options = ["--benchmarks", "sums,more", "--samples", str(SAMPLES), "--max-tokens", "100", "--max-num-seqs", "8"]
    return ["--model", str(model), "--data", str(data), "--out", str(out), *options, *more]


def lines(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Whole lines of the generations, by benchmark."""
    found = {}
    for file in sorted((out / "generations").glob("*.jsonl")):
        whole = [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        found[file.stem] = [json.loads(line) for line in whole]
    return found


def start(model: Path, data: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dgpo.cli", "eval", "run", *command(model, data, out)])


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

    second = subprocess.run(
        [sys.executable, "-m", "dgpo.cli", "eval", "run", *command(model, data, out)],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert second.returncode == 0, second.stderr
    assert "its last line was cut off" in second.stderr
    assert json.dumps(cut).encode()[:40] in (out / "generations/sums.cut").read_bytes()
    assert (out / "settings.json").read_text() == settings

    after = lines(out)
    for name in ("sums", "more"):
        problems = [row["id"] for row in pq.read_table(data / f"{name}.parquet")["extra_info"].to_pylist()]
        identities = [(each["id"], each["sample"]) for each in after[name]]
        assert sorted(identities) == sorted((problem, sample) for problem in problems for sample in range(SAMPLES))
        kept = before[name][: -1 if name == "sums" else None]
        assert after[name][: len(kept)] == kept
        assert all(each["seed"] == sample_seed(0, name, each["id"], each["sample"]) for each in after[name])
    # The sample that was cut off is made anew from its seed, and comes out the same.
    (again,) = [each for each in after["sums"] if (each["id"], each["sample"]) == (cut["id"], cut["sample"])]
    assert again == cut

    assert score.main([str(out)]) == 0
    assert report.main([str(out)]) == 0
    figures = json.loads((out / "report/report.json").read_text())["models"]["evaluation"]["benchmarks"]
    assert {name: each["problems"] for name, each in figures.items()} == {"sums": 6, "more": 6}

    # Another setting, and other problems under the same name, are refused.
    capsys.readouterr()
    assert run.main(command(model, data, out, "--temperature", "1.0")) == 2
    assert "sampling.temperature: 0.6 -> 1.0" in capsys.readouterr().err
    other = shutil.copytree(data, tmp_path / "other")
    shutil.copyfile(data / "more.parquet", other / "sums.parquet")
    assert run.main(command(model, other, out)) == 2
    assert "benchmarks.sums.content_hash" in capsys.readouterr().err
    assert lines(out) == after
    assert run.main(command(model, data, out)) == 0
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
    (broken / "model.safetensors").write_bytes(b"no weights")
    out = tmp_path / "evaluation"
    assert run.main(command(broken, data, out)) == 2
    said = capsys.readouterr().err
    assert "vLLM has ended (status 1): " in said and f"its log: {out}/engine-0.log" in said
    assert "Error" in said and "Error" in (out / "engine-0.log").read_text()


def test_a_checkpoint_is_exported_once_and_evaluated(model: Path, data: Path, tmp_path: Path) -> None:
    """The export of a checkpoint as the trainer writes it, from a model that was never trained."""
    step = tmp_path / "run/checkpoints/global_step_3"
    shutil.copytree(model, step / "actor/huggingface")
    trained = AutoModelForCausalLM.from_pretrained(model)
    (step / "actor/huggingface/model.safetensors").unlink()
    torch.save(trained.state_dict(), step / "actor/model_world_size_1_rank_0.pt")
    (step / "actor/fsdp_config.json").write_text(json.dumps({"FSDP_version": 1, "world_size": 1}))
    write_manifest(step)
    said: list[str] = []
    found = find_model(str(tmp_path / "run"), None, tmp_path / "out", said.append)
    assert said == [f"exporting {step} to {found.path}"]
    exported = AutoModelForCausalLM.from_pretrained(found.path)
    for name, value in trained.state_dict().items():
        assert torch.equal(exported.state_dict()[name].float(), value.to(torch.bfloat16).float())
    again = find_model(str(step), None, tmp_path / "out", said.append)
    assert (again.path, again.revision, len(said)) == (found.path, found.revision, 1)
    assert found.facts()["hidden_size"] == 64
