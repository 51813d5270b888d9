"""recipes/train_*.sh and dynamo.sh, up to where they would start: what they print, and what they refuse."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.cli import main
from dgpo.config.compose import compose_config, resolved
from dgpo.data.sources.arithmetic import write_splits
from tests.recipes.conftest import ROOT, TRAINING, Called, Done


@pytest.mark.parametrize(("name", "dry"), list(zip(TRAINING, ("1", "true", "yes"), strict=True)))
def test_a_dry_run_prints_the_command_and_the_plan_and_starts_nothing(
    name: str, dry: str, calls: Callable[..., Called], ready: Callable[[list[str]], str]
) -> None:
    size = name.removeprefix("train_").removesuffix(".sh")
    called = calls(name, "trainer.total_training_steps=7", DRY_RUN=dry, LOSS="maspo", SEED="3", GPU="141gb")
    (command,) = called.done.stdout.splitlines()
    (check,) = called.commands
    said = ready(check)
    for part in ("policy_loss=maspo", "seed=3", f"run.name=maspo-{size}-3", "gpu=141gb", "total_training_steps=7"):
        assert part in command
    for part in (f"-Distill-Qwen-{size.upper()}", "It fits: ", "of 139 GiB", " H200: ", "for 7 steps"):
        assert part in said
    assert not (ROOT / "runs" / f"maspo-{size}-3").exists()


def test_a_7b_trains_on_one_gpu_by_lora(calls: Callable[..., Called], ready: Callable[[list[str]], str]) -> None:
    called = calls("train_7b_lora.sh", DRY_RUN="1", SEED="3")
    (check,) = called.commands
    assert "run.name=dgpo-7b-lora-3" in called.done.stdout
    said = ready(check)
    for part in ("LoRA of rank 32 trains 80.7 M", "on 1 x 1 GPUs", "It fits: ", "of 79 GiB"):
        assert part in said
    # The head of the recipe says the same.
    (days,) = re.findall(r"\((.*) days\)", said)
    assert f"about {days} days on one H100" in (ROOT / "recipes/train_7b_lora.sh").read_text()


def test_a_wrong_key_fails_the_recipe(calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]) -> None:
    called = calls("train_7b.sh", "actor_rollout_ref.actor.optim.lrr=1", DRY_RUN="1", ends=2)
    assert [main(command) for command in called.commands] == [2]
    assert "optim.lrr" in capsys.readouterr().err


def test_a_recipe_is_refused_where_there_are_no_gpus(
    calls: Callable[..., Called], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none = tmp_path / "none"
    overrides = [f"data.train_files={none}.parquet", f"run.dir={tmp_path}/run"]
    called = calls("train_1.5b.sh", *overrides, DRY_RUN="0", MODEL=str(none), ends=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    # It ends there, and exports nothing.
    assert [main(command) for command in called.commands] == [2]
    said = capsys.readouterr().err
    for says in ("trainer.n_gpus_per_node=8", f"{none}.parquet", f"actor_rollout_ref.model.path={none}"):
        assert says in said


def test_dynamo_is_checked_at_the_paper_s_size_and_at_the_quick_start_s(
    calls: Callable[..., Called], ready: Callable[[list[str]], str]
) -> None:
    dynamo = {"rollouts=dynamo", "advantage=dynamo", "budget=papers", "policy_loss=grpo"}
    for how, says in (
        ({}, dynamo | {"run.name=grpo-dgpo_7b-dynamo-0"}),
        ({"CONFIG": "quickstart", "LOSS": "dgpo"}, {"policy_loss=dgpo"}),
    ):
        (check,) = calls("dynamo.sh", DRY_RUN="1", **how).commands
        assert says <= set(check) and ready(check)


def test_an_asynchronous_run_has_its_seed_in_its_name(
    calls: Callable[..., Called], ready: Callable[[list[str]], str]
) -> None:
    called = calls("train_async.sh", DRY_RUN="1", SEED="3", MODE="separate_async", LOSS="maspo")
    (command,) = called.done.stdout.splitlines()
    for part in ("trainer_mode=separate_async", "seed=3", "run.name=maspo-dgpo_7b-separate_async-3"):
        assert part in command
    assert [bool(ready(check)) for check in called.commands] == [True]


@pytest.mark.slow
def test_a_recipe_exports_from_the_folder_that_the_config_names(
    bash: Callable[..., Done], untrained: Path, train_to: Callable[[Path, int, float], None], tmp_path: Path
) -> None:
    write_splits(tmp_path / "data", train=64, validation=8, test=8)
    train_to(tmp_path / "a run/mine", 10, 0.5)
    settings = [
        f"data.train_files={tmp_path}/data/train.parquet",
        f"data.val_files={tmp_path}/data/validation.parquet",
        # As the checkpoint below is.
        "actor_rollout_ref.actor.checkpoint.load_contents=[model]",
        "actor_rollout_ref.actor.strategy=fsdp",
    ]
    config = resolved(compose_config("quickstart", [*settings, f"actor_rollout_ref.model.path={untrained}"]))
    OmegaConf.save(config, tmp_path / "a run/mine/config.yaml")
    done = bash(
        "-c",
        'set -euo pipefail; source recipes/lib.sh; train quickstart tiny "$@"',
        "bash",
        *settings,
        "trainer.total_training_steps=10",
        # Hydra's grammar: a leading ++, and quotes around a path.
        "++run.name=mine",
        f"run.dir='{tmp_path}/a run/${{run.name}}'",
        MODEL=str(untrained),
    )
    assert "this run has done its 10 steps" in done.stdout
    assert (tmp_path / "a run/mine/best/model.safetensors").is_file()
