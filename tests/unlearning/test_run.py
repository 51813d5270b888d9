"""Real runs of `dgpo unlearn train` on verl's engine: to the end, killed and resumed, on two ranks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.unlearning.train import train_from
from tests.ports import free_port

# verl is imported once, and each rank is a process forked from there; one dies by SIGKILL once it has saved a step.
FORKS = """
import json, os, signal, sys
import dgpo.unlearning.verl
from dgpo.cli import main
from dgpo.unlearning import train

def start(job, environment):
    if pid := os.fork():
        return pid
    os.environ.update(environment)
    save = train.save
    def save_and_die(trainer, folder, step, *others):
        save(trainer, folder, step, *others)
        if step == job["dies_after"]:
            os.kill(os.getpid(), signal.SIGKILL)
    train.save = save_and_die
    os._exit(main(job["arguments"]))

statuses = []
for job in json.loads(sys.argv[1]):
    pids = [start(job, environment) for environment in job["ranks"]]
    statuses += [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
print("statuses", json.dumps(statuses))
"""


def job(*arguments: str, dies_after: int = 0, ranks: int = 0) -> dict[str, Any]:
    """A run, of several ranks where it is said."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    several = [
        {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), **address} for rank in range(ranks)
    ]
    sizes = ["train.batch_size=4", "train.micro_batch_size=2", "train.steps=3"]
    sizes += ["method.top_k=20"] if not any("method=" in each for each in arguments) else []
    return {
        "arguments": ["unlearn", "train", *sizes, *arguments],
        "dies_after": dies_after,
        "ranks": several or [{}],
    }


def run_jobs(folder: Path, jobs: list[dict[str, Any]]) -> list[int]:
    """Exit statuses of all processes."""
    environment = {**os.environ, "VERL_PLATFORM": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FORKS, json.dumps(jobs)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rsplit("statuses", 1)[1])


@pytest.fixture(scope="module")
def runs(world: Path) -> Path:
    """A run to its end, and the same killed after its first checkpoint and started again."""
    killed = "run.name=killed"
    jobs = [job("run.name=whole"), job(killed, "train.save_every=1", dies_after=1), job(killed)]
    assert run_jobs(world, jobs) == [0, -9, 0]
    return world / "runs" / "unlearning"


@pytest.fixture(scope="module")
def more_runs(world: Path, runs: Path) -> Path:
    """Runs on two ranks, with an adapter, and of representations."""
    jobs = [
        job("run.name=two", ranks=2),
        job("run.name=two", ranks=2),  # which finds nothing to do
        job("run.name=pairs", "method=idk_dpo", "train.steps=1", ranks=2),
        job("run.name=lora", "method=npo", "model.lora_rank=4", "train.steps=1"),
        job("run.name=rmu", "method=rmu", "method.layer=1", "train.steps=2"),
        job("run.name=pdu", "method=pdu", "train.save_every=2", dies_after=2),
        job("run.name=pdu", "method=pdu"),
    ]
    assert run_jobs(world, jobs) == [*[0] * 8, -9, 0]
    return runs


def metrics_of(run: Path) -> dict[int, dict[str, float]]:
    lines = [line for file in sorted((run / "metrics").glob("*.jsonl")) for line in file.read_text().splitlines()]
    return {entry["step"]: entry["data"] for entry in map(json.loads, lines)}


def test_a_run_trains_and_says_what_each_term_was(runs: Path) -> None:
    metrics = metrics_of(runs / "whole")
    assert list(metrics) == [1, 2, 3]
    for step in metrics.values():
        terms = step["actor/flatten"] + step["actor/preserve"] + step["actor/retain"]
        assert step["actor/loss"] == pytest.approx(terms, rel=1e-5)
    # Before its first step the model is its own reference; and that step is one.
    assert metrics[1]["actor/preserve"] == pytest.approx(0, abs=1e-6)
    assert metrics[3]["actor/preserve"] > 1e-4
    assert metrics[1]["actor/lr"] > 0
    before, after = (load_file(runs / name / "hf" / "model.safetensors") for name in ("full-0", "whole"))
    assert before.keys() == after.keys()
    assert not all(torch.equal(before[name].bfloat16(), weights) for name, weights in after.items())


def test_a_killed_run_goes_on_as_if_nothing_had_happened(runs: Path) -> None:
    assert (runs / "killed" / "metrics" / "002.jsonl").is_file()
    whole, killed = (load_file(runs / name / "hf" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("method=npo", "method.loss=npo: .* was trained with palu; use that, or another run.name"),
        ("train.lr=0.1", "train.lr=0.1: .* was trained with 0.001"),
        ("data.retain=runs/unlearning/data-0/retain_eval.jsonl", "was trained on other rows"),
        ("train.steps=2", "train.steps=2: .* has 3 already"),
        ("trainer.n_gpus_per_node=2", "trainer.n_gpus_per_node=2: .* was trained with 1"),
    ],
)
def test_a_folder_of_another_run_is_refused(
    world: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, change: str, message: str
) -> None:
    monkeypatch.chdir(world)
    (same,) = [job("run.name=whole", change)]
    with pytest.raises(UserError, match=message):
        train_from("unlearn", same["arguments"][2:])


def test_a_folder_of_another_model_at_the_same_path_is_refused(
    world: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    weights = runs / "full-0" / "hf" / "model.safetensors"
    was = weights.read_bytes()
    save_file({name: tensor / 2 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    try:
        with pytest.raises(UserError, match=r"model.path=.*: its weights.* are others than .*whole began with"):
            train_from("unlearn", job("run.name=whole")["arguments"][2:])
    finally:
        weights.write_bytes(was)


@pytest.mark.slow
def test_two_ranks_do_what_one_does(more_runs: Path) -> None:
    one, two = metrics_of(more_runs / "whole"), metrics_of(more_runs / "two")
    for step, expected in one.items():
        for name in ("loss", "flatten", "preserve", "retain", "grad_norm"):
            found = two[step][f"actor/{name}"]
            assert found == pytest.approx(expected[f"actor/{name}"], rel=1e-3, abs=1e-6), (step, name)


@pytest.mark.slow
def test_pairs_stay_together_and_start_where_neither_answer_is_preferred(more_runs: Path) -> None:
    # The reference is the model itself: -(2/β) log σ(0), with β a tenth.
    assert metrics_of(more_runs / "pairs")[1]["actor/forget"] == pytest.approx(20 * 0.693147, rel=1e-4)


@pytest.mark.slow
def test_representations_of_retain_rows_are_compared_with_those_before(more_runs: Path) -> None:
    metrics = metrics_of(more_runs / "rmu")
    assert metrics[1]["actor/retain"] == pytest.approx(0, abs=1e-9)
    assert metrics[2]["actor/retain"] > 0 and metrics[2]["actor/forget"] < metrics[1]["actor/forget"]


@pytest.mark.slow
def test_a_weight_that_adapts_goes_on_where_a_killed_run_left_it(more_runs: Path) -> None:
    metrics = metrics_of(more_runs / "pdu")
    assert metrics[1]["actor/retain_weight"] == 5
    for step in (1, 2):
        excess = metrics[step]["actor/retain"] - 0.1
        assert metrics[step + 1]["actor/retain_weight"] == pytest.approx(metrics[step]["actor/retain_weight"] + excess)


def test_no_text_of_a_row_gets_into_a_log_or_a_tracker(runs: Path) -> None:
    rows = [json.loads(line) for line in (runs / "data-0" / "forget.jsonl").read_text().splitlines()]
    words = {row["author"] for row in rows} | {row["question"] for row in rows} | {row["answer"] for row in rows}
    files = [
        file
        for run in ("whole", "killed")
        for file in (runs / run).rglob("*")
        if file.is_file() and not {"checkpoints", "hf"} & {*file.relative_to(runs / run).parts}
    ]
    assert len(files) > 6
    for file in files:
        content = file.read_bytes()
        assert not [word for word in words if word.encode() in content], file


@pytest.mark.parametrize(
    ("room", "arguments", "message"),
    [
        ("train.train_from", ["train"], "the same command goes on from the last complete checkpoint"),
        ("evaluate.evaluate", ["eval", "MODEL", "--data", "DATA", "--out", "OUT"], "that were measured are in OUT"),
    ],
)
def test_the_sigterm_of_a_time_limit_is_told_what_is_left(
    room: str, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"dgpo.unlearning.{room}", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    assert main(["unlearn", *arguments]) == 130
    assert message in capsys.readouterr().err
