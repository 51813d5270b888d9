"""What a run folder goes on with, and what is refused on the way."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.config.checks.resume import digests
from dgpo.config.compose import compose_config, resolved
from dgpo.runs.checkpoints import MANIFEST, write_manifest
from dgpo.runs.folder import RunFolder
from dgpo.tasks import small_model

LOSS = "actor_rollout_ref.actor.policy_loss"


def begin(overrides: list[str], *more: str) -> RunFolder:
    """A run folder as a launch leaves it that has saved its second step."""
    config = resolved(compose_config("quickstart", [*overrides, *more]))
    folder = RunFolder(config.run.dir)
    checkpoint = folder.checkpoints / "global_step_2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "data.pt").write_bytes(b"position")
    (checkpoint / "actor").mkdir()
    for part in ("model", "optim", "extra_state"):
        (checkpoint / f"actor/{part}_world_size_1_rank_0.pt").write_bytes(b"shard")
    (checkpoint / "actor/fsdp_config.json").write_text('{"FSDP_version": 2, "world_size": 1}')
    write_manifest(checkpoint, step=2)
    OmegaConf.save(config, folder.config)
    folder.data.write_text(json.dumps(digests(config)))
    return folder


@pytest.mark.parametrize(
    ("other", "key", "before"),
    [
        ("policy_loss=grpo", f"{LOSS}.loss_mode=grpo", "dgpo"),
        ("algorithm.adv_estimator=rloo", "algorithm.adv_estimator=rloo", "grpo"),
    ],
)
def test_another_method_does_not_go_on_with_a_run(
    other: str, key: str, before: str, overrides: list[str], problems: Callable[..., list[str]]
) -> None:
    folder = begin(overrides)
    (problem,) = problems(other)
    assert problem.startswith(f"error: {key}: the run in {folder.path} has {before},")
    assert "step 2" in problem and "another run.dir" in problem
    meant = problem.splitlines()[-1].split()[-2:]
    assert meant[0] == "trainer.resume_mode=resume_path"
    assert problems(other, *meant) == []
    assert problems(other, "trainer.resume_mode=disable") == []
    assert problems(other, f"run.dir={folder.path}-grpo") == []


def test_another_model_does_not_go_on_with_a_run(
    overrides: list[str], problems: Callable[..., list[str]], files: Path, tmp_path: Path
) -> None:
    begin(overrides)
    copy = shutil.copytree(files / "model", tmp_path / "model")
    rows = shutil.copy(files / "data/train.parquet", tmp_path / "moved.parquet")
    assert problems(f"actor_rollout_ref.model.path={copy}", f"data.train_files={rows}") == []
    with (copy / "chat_template.jinja").open("a") as template:
        template.write("{# another #}")
    (problem,) = problems(f"actor_rollout_ref.model.path={copy}")
    assert problem.startswith(f"error: actor_rollout_ref.model.path={copy}") and f"has {files}/model," in problem
    relative = os.path.relpath(files / "model")
    assert problems(f"actor_rollout_ref.model.path={relative}") == []


def test_what_a_step_learns_by_may_change_with_a_word(overrides: list[str], problems: Callable[..., list[str]]) -> None:
    folder = begin(overrides)
    others = {f"{LOSS}.m": 3, "data.train_batch_size": 16, "actor_rollout_ref.actor.clip_ratio_high": 0.3}
    others |= {"reward.custom_reward_function.reward_kwargs.timeout": 3.0, "actor_rollout_ref.rollout.val_kwargs.n": 4}
    found = problems(*(f"{key}={value}" for key, value in others.items()))
    assert all(re.match("warning: .* has (learnt|validated) with", each) for each in found)
    assert [each.split(": ")[1] for each in sorted(found)] == [f"{key}={others[key]}" for key in sorted(others)]
    assert problems("trainer.test_freq=5", "data.max_prompt_length=30") == []
    before = OmegaConf.load(folder.config)
    OmegaConf.save(OmegaConf.merge(before, {"rollouts": {"low": None}}), folder.config)
    (problem,) = problems()
    assert problem.startswith("warning: rollouts=None: ") and "has learnt with {'low': None} up to step 2" in problem
    OmegaConf.save(before, folder.config)
    checkpoint = folder.checkpoints / "global_step_2"
    (checkpoint / "data.pt").unlink(missing_ok=True)
    write_manifest(checkpoint)
    (problem,) = problems()
    assert problem.startswith("warning") and "has no data.pt: the run would begin with the first rows again" in problem
    for shard in (checkpoint / "actor").glob("*_world_size_1_*"):
        shard.rename(str(shard).replace("size_1", "size_4"))
    (checkpoint / "actor/fsdp_config.json").unlink()
    write_manifest(checkpoint)
    assert any("is in shards for 4 ranks, the run has 1" in each for each in problems())


def test_a_run_goes_on_with_other_lengths_and_one_without_a_checkpoint_with_anything(
    overrides: list[str], problems: Callable[..., list[str]]
) -> None:
    folder = begin(overrides)
    other = "policy_loss=grpo"
    assert problems("data.max_prompt_length=30") == []
    folder.config.write_text("trainer: [")
    (problem,) = problems(other)
    assert f"{folder.config} cannot be read" in problem
    folder.config.unlink()
    (problem,) = problems()
    assert problem.startswith(f"warning: run.dir={folder.path}: it has no config.yaml")
    (folder.checkpoints / "global_step_2" / MANIFEST).unlink()
    (problem,) = problems(other)
    assert problem.startswith("warning: ") and "global_step_2: it has no manifest" in problem
    assert "no other is whole, and the run begins anew" in problem
    assert problems(other, "trainer.resume_mode=disable") == []


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_without_the_digests_of_data_and_model_a_run_goes_on_with_a_warning(
    content: str | None, overrides: list[str], problems: Callable[..., list[str]]
) -> None:
    folder = begin(overrides)
    folder.data.unlink() if content is None else folder.data.write_text(content)
    (problem,) = problems()
    assert problem.startswith("warning: ") and f"{folder.data} is gone or broken" in problem


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("actor_rollout_ref.actor.optim.lr=1e-5", "was saved with 3e-05, and verl would go on with that"),
        ("actor_rollout_ref.actor.optim.betas=[0.9,0.95]", "was saved with [0.9, 0.999]"),
        ("seed=3", "data.seed=3: "),
        ("data.train_files={}/data/test.parquet", "data.train_files="),
        ("data.train_max_samples=32", "was saved with -1, and its place in the data is of the rows"),
        ("data.filter_overlong_prompts=true", "data.filter_overlong_prompts=True: "),
        ("trainer.n_gpus_per_node=2", "is in shards for 1 ranks, the run has 2"),
        ("actor_rollout_ref.actor.strategy=fsdp", "has the shards of fsdp2"),
        ("actor_rollout_ref.actor.checkpoint.load_contents=[optimizer]", "with the weights of the starting model"),
    ],
)
def test_what_a_checkpoint_brings_with_it_cannot_be_changed_on_the_way(
    overrides: list[str], problems: Callable[..., list[str]], override: str, says: str, files: Path
) -> None:
    folder = begin(overrides)
    here = ["data.train_batch_size=8"]
    assert any(says in problem for problem in problems(override.format(files), *here))
    named = f"trainer.resume_from_path={folder.checkpoints}/global_step_2"
    meant = ["trainer.resume_mode=resume_path", named]
    assert any(says in problem for problem in problems(override.format(files), *here, *meant))


def test_a_run_does_not_go_on_with_other_rows_in_the_same_file(
    overrides: list[str], problems: Callable[..., list[str]], files: Path, tmp_path: Path
) -> None:
    train = tmp_path / "train.parquet"
    shutil.copy(files / "data/train.parquet", train)
    here = [f"data.train_files={train}", "data.train_batch_size=8"]
    folder = begin(overrides, *here)
    assert problems(*here) == []
    shutil.copy(files / "data/test.parquet", train)
    (problem,) = problems(*here)
    assert problem.startswith(f"error: data.train_files={train}: the file has changed since {folder.checkpoints}")


def test_a_run_does_not_go_on_with_another_model_at_the_same_path(
    overrides: list[str], problems: Callable[..., list[str]], files: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(files / "model", tmp_path / "model")
    here = f"actor_rollout_ref.model.path={model}"
    folder = begin(overrides, here)
    shutil.copy(files / "model/model.safetensors", model)
    assert problems(here) == []
    template = model / "chat_template.jinja"
    (was := template.read_text()) and template.write_text(was + "{# new #}")
    (problem,) = problems(here)
    assert f"{template} has changed since" in problem
    template.write_text(was)
    small_model.create(tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other/model.safetensors", model)
    (problem,) = problems(here)
    assert problem.startswith(f"error: {here}: {model}/model.safetensors has changed since {folder.checkpoints}")
    meant = ["trainer.resume_mode=resume_path", f"trainer.resume_from_path={folder.checkpoints}/global_step_2"]
    assert problems(here, *meant) == []


@pytest.mark.parametrize("content", ["- 1", ""])
def test_a_run_whose_config_is_lost_is_not_gone_on_with(
    content: str, overrides: list[str], problems: Callable[..., list[str]]
) -> None:
    folder = begin(overrides)
    folder.config.write_text(content)
    (problem,) = problems()
    assert f"{folder.config} cannot be read: it holds no config" in problem


def test_a_checkpoint_without_shards_is_not_gone_on_from(
    overrides: list[str], problems: Callable[..., list[str]]
) -> None:
    folder = begin(overrides)
    checkpoint = folder.checkpoints / "global_step_2"
    (checkpoint / "actor/model_world_size_1_rank_0.pt").unlink()
    write_manifest(checkpoint)
    (problem,) = problems()
    assert "was saved without model" in problem and f"dgpo export {checkpoint}" in problem
    whole_model = "actor_rollout_ref.actor.checkpoint.save_contents=[hf_model]"
    (warning,) = problems(whole_model, f"run.dir={folder.path}-2")
    assert warning.startswith("warning") and "no run can go on from checkpoints without" in warning


def test_a_disk_without_room_for_checkpoints_is_refused(problems: Callable[..., list[str]]) -> None:
    (problem,) = problems("run.keep_checkpoints=100000000")
    assert "kept checkpoints" in problem and "lower run.keep_checkpoints" in problem


def test_checkpoints_that_are_there_need_no_more_room(overrides: list[str], problems: Callable[..., list[str]]) -> None:
    begin(overrides)
    (problem,) = problems("run.keep_checkpoints=100000000")
    assert "of which 1 are there" in problem


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([], "lora_rank=0: "),
        (["lora_rank=8", "lora_alpha=16"], "lora_rank=8: "),
        (["lora_rank=4", "lora_alpha=32"], "lora_alpha=32: "),
    ],
)
def test_an_adapter_goes_on_with_its_own_rank_and_alpha(
    overrides: list[str], problems: Callable[..., list[str]], settings: list[str], says: str
) -> None:
    """Also where the checkpoint is named: no weight holds the alpha."""
    checkpoint = begin(overrides).checkpoints / "global_step_2"
    (checkpoint / "actor/lora_train_meta.json").write_text(json.dumps({"r": 4, "lora_alpha": 16}))
    named = ["trainer.resume_mode=resume_path", f"trainer.resume_from_path={checkpoint}"]
    model = "actor_rollout_ref.model"
    found = [each for each in problems(*named, *(f"{model}.{each}" for each in settings)) if str(checkpoint) in each]
    assert len(found) == 1 and found[0].startswith(f"error: {model}.{says}{checkpoint} was trained with")
    kept = problems(*named, f"{model}.lora_rank=4", f"{model}.lora_alpha=16")
    assert not any(str(checkpoint) in each for each in kept)
