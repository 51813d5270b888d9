"""The real trainer: Ray, FSDP2 workers, vLLM rollouts, reward workers, checkpoints, W&B files."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from dgpo.cli import main
from dgpo.rewards.shaping import overlong_penalty
from dgpo.runs.checkpoints import find, latest_complete
from dgpo.runs.folder import RunFolder
from dgpo.runs.kept import kept_steps, read_step
from dgpo.runs.metrics import history, read_metrics, validation_score
from dgpo.verifier import verify_batch
from tests.e2e.conftest import processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
# 64 prompts with 8 answers a step, 4 updates of 16 prompts. At three times this rate, or with updates of 4 prompts, one
# run in ten gains nothing.
STEPS = 8
LEARNING = {
    "data.train_batch_size": 64,
    "actor_rollout_ref.actor.ppo_mini_batch_size": 16,
    "actor_rollout_ref.actor.optim.lr": "1e-4",
    "actor_rollout_ref.rollout.val_kwargs.n": 16,
    "trainer.total_training_steps": STEPS + 2,
    "trainer.test_freq": STEPS,
    "trainer.save_freq": STEPS,
}
# A penalty that all responses of this model (some 30 tokens of at most 96) get a part of.
SHAPING = {
    "reward.custom_reward_function.reward_kwargs.scoring": "signed",
    "reward.custom_reward_function.reward_kwargs.overlong_buffer": 80,
    # Grading again must not find what a busy machine had no time for.
    "reward.custom_reward_function.reward_kwargs.timeout": 20,
}


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Parameters of a checkpoint of one rank."""
    saved = torch.load(checkpoint / "actor/model_world_size_1_rank_0.pt", weights_only=False)
    return {name: getattr(value, "_local_tensor", value) for name, value in saved.items()}


def assert_rewards_agree(metrics: dict[str, float], dump: Path) -> None:
    """The figures under ``reward/`` are what grading the dumped responses again says, and so are the scores."""
    answers = [json.loads(line) for line in dump.read_text().splitlines()]
    verdicts = verify_batch([each["output"] for each in answers], [each["gts"] for each in answers], timeout=10)
    for kind in ("reason", "stage"):
        shares = {key.split("/")[2]: value for key, value in metrics.items() if key.startswith(f"reward/{kind}/")}
        assert sum(shares.values()) == pytest.approx(1)
        seen = Counter(getattr(verdict, kind) for verdict in verdicts)
        assert {name: share * len(answers) for name, share in shares.items() if share} == pytest.approx(dict(seen))
    assert metrics["reward/accuracy"] == pytest.approx(sum(map(bool, verdicts)) / len(answers))
    # One character is one token in this model; a response that ends has one token more, its end. Few have a special
    # token on the way, which is not shown.
    shown = np.array([len(each["output"]) for each in answers])
    penalties = np.array([each["score"] for each in answers]) - [2 * bool(verdict) - 1 for verdict in verdicts]
    tokens = np.rint(16 - 80 * penalties)
    assert penalties == pytest.approx([overlong_penalty(int(count), 96, 80) for count in tokens], abs=1e-5)
    assert metrics["reward/overlong/mean"] == pytest.approx(penalties.mean(), abs=1e-5)
    least = np.clip(shown + 1, 16, 96)
    assert (tokens >= least).all() and (tokens == least).mean() > 0.98
    assert (shown == 96).mean() <= metrics["reward/truncated"] <= (tokens == 96).mean()
    assert 0 < metrics["reward/seconds/p50"] <= metrics["reward/seconds/p99"] <= metrics["reward/seconds/max"]


@pytest.fixture(scope="module")
def killed(launch_in: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was validated before and after its steps, saved, and then killed."""
    run = tmp_path_factory.mktemp("killed") / "run"
    # verl logs a step after it has saved it.
    launch_in(run, **LEARNING).kill_when(lambda: STEPS in history(RunFolder(run)))
    _, alive = psutil.wait_procs(processes_of(run), timeout=300)
    assert not alive
    return run


def test_a_short_training_improves_accuracy(killed: Path) -> None:
    steps = history(RunFolder(killed))
    before, after = (validation_score(steps[step]) for step in (0, STEPS))
    assert before is not None and after is not None
    print(f"{before:.3f} -> {after:.3f}")
    assert after - before > 0.08


def test_a_killed_run_goes_on_from_its_last_complete_checkpoint(
    killed: Path, launch_in: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = killed
    checkpoints = run / "checkpoints"
    last, half, end = STEPS, STEPS + 1, STEPS + 2
    # What a run killed while saving leaves: a newer checkpoint that is not whole.
    shutil.copytree(checkpoints / f"global_step_{last}", checkpoints / f"global_step_{half}")
    (checkpoints / f"global_step_{half}" / "actor/optim_world_size_1_rank_0.pt").write_bytes(b"half")
    kept = weights(checkpoints / f"global_step_{last}")

    rollouts = run / "rollouts"
    going_on = {"trainer.rollout_data_dir": rollouts, "trainer.save_freq": 1}
    said = launch_in(run, **{**LEARNING, **going_on, **SHAPING}).finish()
    defect = "actor/optim_world_size_1_rank_0.pt has 4 bytes"
    assert f"skipping the checkpoint {checkpoints}/global_step_{half}: {defect}" in said
    assert f"going on from {checkpoints}/global_step_{last}" in said

    # It went on: two steps in a metrics file of their own, after a validation at the last one before.
    launches = RunFolder(run).metrics_files()
    assert len(launches) == 2
    resumed = {step: data for step, data, _ in read_metrics(launches[1])}
    assert sorted(resumed) == [last, half, end]
    steps = history(RunFolder(run))
    trained = {step: data for step, data in steps.items() if "actor/grad_norm" in data}
    assert sorted(trained) == list(range(1, end + 1))

    # Rollout and actor agree after every weight sync, also after loading a checkpoint; the weights moved.
    assert all(data["training/rollout_probs_diff_max"] < 1e-4 for data in trained.values())
    assert any(data["actor/grad_norm"] > 0 for data in resumed.values() if "actor/grad_norm" in data)
    newest, skipped = latest_complete(checkpoints)
    assert newest is not None and newest.step == end and not skipped
    final = weights(newest.path)
    assert set(final) == set(kept) and any(not torch.equal(final[name], kept[name]) for name in kept)

    # The optimiser and the data went on too: 4 updates a step, and two more batches of the epoch.
    optimiser = torch.load(newest.path / "actor/optim_world_size_1_rank_0.pt", weights_only=False)
    assert {float(state["step"]) for state in optimiser["state"].values()} == {4.0 * end}
    position = torch.load(newest.path / "data.pt", weights_only=False)
    assert position["_num_yielded"] == end

    # Groups were kept of every step, in full, with the log-probs at the update that each answer was in.
    kept = {step: list(read_step(folder)) for step, folder in kept_steps(RunFolder(run).rollouts).items()}
    assert sorted(kept) == list(range(1, end + 1))
    for answers in kept.values():
        assert list(Counter(each.group for each in answers).values()) == [8, 8]
        ratios = np.concatenate([each.log_prob - each.old_log_prob for each in answers])
        assert np.isfinite(ratios).all() and np.abs(ratios).max() > 1e-3
        assert all(len(each.token) == int(each.said["tokens"]) and each.mask.all() for each in answers)

    # What a person looks at.
    for key in ("actor/entropy", "actor/pg_clipfrac", "actor/ppo_kl", "actor/boundary_gradient_mass"):
        assert key in trained[end]
    for region in ("in", "ln", "hp", "lp", "hn"):
        assert {f"actor/region/{region}/{figure}" for figure in ("share", "F_mean", "W_max")} <= set(trained[end])
    for step in (half, end):
        assert_rewards_agree(trained[step], rollouts / f"{step}.jsonl")
    validated = json.loads((run / f"validation/{end}.jsonl").read_text().splitlines()[0])
    assert {"reason", "stage", "seconds", "tokens", "truncated"} <= set(validated)
    identity = RunFolder(run).wandb_id()
    assert len(list((run / "wandb").glob(f"offline-run-*-{identity}"))) == 2
    assert len(list((run / "tensorboard").glob("events.out.tfevents.*"))) == 2
    assert [checkpoint.step for checkpoint in find(checkpoints)] == [end, half]

    assert main(["report", str(run)]) == 0
    assert (run / "report.png").stat().st_size > 10_000 and "boundary tokens" in capsys.readouterr().out
    assert "compared, and different" in (run / "report.md").read_text()

    assert main(["plot", "distribution", str(run)]) == 0
    assert (run / "distribution.png").stat().st_size > 10_000

    assert main(["export", str(run), "--out", str(tmp_path / "hf")]) == 0
    exported = vllm_answers(tmp_path / "hf")
    assert exported and any("boxed" in answer for answer in exported)


def vllm_answers(model: Path) -> list[str]:
    """Greedy answers of vLLM to two problems, in a process of its own."""
    program = """
import json, sys
from vllm import LLM, SamplingParams
engine = LLM(sys.argv[1], dtype="float32", enforce_eager=True, max_model_len=128)
prompts = [[{"role": "user", "content": text}] for text in ("12+34=?", "50+11=?")]
answers = engine.chat(prompts, SamplingParams(temperature=0, max_tokens=64), use_tqdm=False)
print("\\n" + json.dumps([answer.outputs[0].text for answer in answers]))
"""
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    done = subprocess.run([sys.executable, "-c", program, str(model)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
