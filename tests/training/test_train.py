import json
import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.cluster import LostError
from dgpo.config.checks.resume import going_on
from dgpo.config.compose import compose_config, resolved
from dgpo.runs.checkpoints import write_manifest
from dgpo.runs.folder import RunFolder
from dgpo.training.train import choose_checkpoint, explain, keep_versions, prepare, run, set_later_steps_aside
from dgpo.verifier import VERSION


def wrapped(cause: Exception) -> Exception:
    """An error as Ray hands it on: the one that matters is inside."""
    try:
        try:
            raise cause
        except Exception as inner:
            raise RuntimeError("a task failed") from inner
    except RuntimeError as outer:
        return outer


def test_the_innermost_cause_is_shown(tmp_path: Path) -> None:
    assert explain(wrapped(ValueError("n=0")), tmp_path) == "ValueError: n=0"


def test_a_lost_node_comes_before_the_error_that_it_caused(tmp_path: Path) -> None:
    error = LostError("node two (10.0.0.2) of the Ray cluster has died: no heartbeat")
    assert explain(error, tmp_path) == f"LostError: {error}"
    error.__cause__ = wrapped(ValueError("connection closed by peer"))
    said = explain(error, tmp_path)
    assert said.startswith(f"LostError: {error}\n") and said.endswith("ValueError: connection closed by peer")


@pytest.mark.parametrize("message", ["unexpected pos 64 vs 0", "[Errno 28] No space left on device"])
def test_a_failed_write_is_named_whatever_torch_says(message: str, tmp_path: Path) -> None:
    said = explain(wrapped(RuntimeError(message)), tmp_path)
    assert said.startswith(f"RuntimeError: {message}\na file could not be written: ") and str(tmp_path) in said


def test_what_a_folder_holds_of_later_steps_is_moved_and_the_rest_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    before = folder.wandb_id()
    folder.validation.mkdir()
    for step in (10, 20):
        (folder.checkpoints / f"global_step_{step}").mkdir(parents=True)
        write_manifest(folder.checkpoints / f"global_step_{step}", step=step)
        (folder.validation / f"{step}.jsonl").write_text("{}\n")
        (folder.rollouts / str(step)).mkdir(parents=True)
    folder.new_metrics_file()
    set_later_steps_aside(folder, 20)
    assert capsys.readouterr().out == "" and folder.wandb_id() == before
    set_later_steps_aside(folder, 10)
    place = folder.superseded / "002"
    assert f"step 20 is later than the start of this run: moved to {place}/checkpoints" in capsys.readouterr().out
    assert [each.name for each in folder.checkpoints.iterdir()] == ["global_step_10"]
    assert [each.name for each in folder.validation.iterdir()] == ["10.jsonl"]
    assert [each.name for each in folder.rollouts.iterdir()] == ["10"]
    assert sorted(each.name for each in place.iterdir()) == ["checkpoints", "rollouts", "validation", "wandb_id"]
    assert (place / "wandb_id").read_text().strip() == before != folder.wandb_id()


def test_a_run_that_goes_on_with_another_verifier_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(tmp_path)
    keep_versions(folder, going_on=False)
    versions = json.loads(folder.versions.read_text())
    assert versions["dgpo.verifier"] == VERSION and "torch" in versions
    keep_versions(folder, going_on=True)
    assert capsys.readouterr().err == ""
    folder.versions.write_text(json.dumps({**versions, "dgpo.verifier": "0"}))
    keep_versions(folder, going_on=True)
    assert f"other versions: dgpo.verifier 0 -> {VERSION}\n" in capsys.readouterr().err
    assert json.loads(folder.versions.read_text()) == versions


def test_a_report_that_cannot_be_written_leaves_a_finished_run_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = resolved(compose_config("quickstart", [f"run.dir={tmp_path}"]))
    step = settings.trainer.total_training_steps
    (tmp_path / f"checkpoints/global_step_{step}").mkdir(parents=True)
    write_manifest(tmp_path / f"checkpoints/global_step_{step}", step=step)
    assert run(settings) == 0
    said = capsys.readouterr()
    assert f"has done its {step} steps" in said.out and f"dgpo report {tmp_path}" in said.err


@pytest.mark.parametrize("logger", ["wandb", "tensorboard"])
def test_wandb_without_a_login_says_how_to_upload(
    logger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.environ", {"HOME": str(tmp_path)})
    run = {"trainer": {"logger": ["file", logger]}, "ray_kwargs": {"ray_init": {"runtime_env": {}}}}
    with RunFolder(tmp_path / "run") as folder:
        settings = {"time_limit": None, "worker_niceness": 0}
        prepare(OmegaConf.create(run | {"run": settings}), folder)
    assert os.environ.items() >= {"RAY_worker_niceness": "0"}.items()
    assert (f"wandb sync {folder.path}/wandb/offline-run-*" in capsys.readouterr().out) == (logger == "wandb")


def test_a_run_whose_config_names_classes_by_older_modules_goes_on(tmp_path: Path) -> None:
    settings = resolved(compose_config("quickstart", [f"run.dir={tmp_path}"]))
    before = settings.copy()
    before.trainer.checkpoint_callback_class = "dgpo.trainer.verl_callback.CompletionCallback"
    before.trainer.v1.sampler.custom_sampler.path = "pkg://dgpo.trainer.sampler"
    before.reward.custom_reward_function.path = "pkg://dgpo.rewards.verl_reward"
    before.actor_rollout_ref.actor.policy_loss._target_ = "dgpo.losses.verl_adapter.DGPOPolicyLossConfig"
    folder = RunFolder(tmp_path)
    folder.config.write_text(OmegaConf.to_yaml(before))
    folder.data.write_text('{"train.parquet": "1f"}')
    (folder.checkpoints / "global_step_5").mkdir(parents=True)
    write_manifest(folder.checkpoints / "global_step_5", step=5)
    assert [finding.key.rpartition(".")[2] for finding in going_on(settings)] == ["load_contents"]
    assert choose_checkpoint(settings, folder) == f"{folder.checkpoints}/global_step_5"
