"""Every recipe is run for real up to the point where it would start: what it prints, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(file.name for file in (ROOT / "recipes").glob("*.sh") if file.name != "lib.sh")
TRAINING = ["train_1.5b.sh", "train_7b.sh", "train_14b.sh"]


def recipe(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run recipes/``name`` with the ``dgpo`` of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", f"recipes/{name}", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
    )


def test_there_is_a_recipe_for_each_model() -> None:
    assert {*TRAINING, "compare_losses.sh", "prepare_data.sh", "quickstart.sh"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_strict_and_explains_itself(name: str) -> None:
    text = (ROOT / "recipes" / name).read_text()
    assert "\nset -euo pipefail\n" in text
    done = recipe(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"recipes/{name}" in done.stdout and "set -e" not in done.stdout and "#!/" not in done.stdout


@pytest.mark.parametrize("name", TRAINING)
def test_a_dry_run_prints_the_command_and_the_plan_and_starts_nothing(name: str) -> None:
    size = name.removeprefix("train_").removesuffix(".sh")
    done = recipe(name, "trainer.total_training_steps=7", DRY_RUN="1", LOSS="maspo", SEED="3", GPU="141gb")
    assert done.returncode == 0, done.stderr
    command = done.stdout.splitlines()[0]
    for part in ("policy_loss=maspo", "seed=3", f"run.name=maspo-{size}-3", "gpu=141gb", "total_training_steps=7"):
        assert part in command
    assert "ready, 0 errors" in done.stdout
    assert f"DeepSeek-R1-Distill-Qwen-{size.upper()}" in done.stdout
    assert "It fits: " in done.stdout and "of 139 GiB" in done.stdout
    assert not (ROOT / "runs" / f"maspo-{size}-3").exists()


def test_a_wrong_key_fails_the_recipe() -> None:
    done = recipe("train_7b.sh", "actor_rollout_ref.actor.optim.lrr=1", DRY_RUN="1")
    assert done.returncode == 2
    assert "optim.lrr" in done.stderr


def test_a_recipe_is_refused_where_there_are_no_gpus() -> None:
    done = recipe("train_1.5b.sh", DRY_RUN="0")
    assert done.returncode == 2
    for says in ("trainer.n_gpus_per_node=8", "data/dapo-math-17k.parquet", "models/DeepSeek-R1-Distill-Qwen-1.5B"):
        assert says in done.stderr


@pytest.mark.slow
def test_comparing_takes_each_loss_and_seed() -> None:
    done = recipe(
        "compare_losses.sh", "seed=0", DRY_RUN="1", LOSSES="dgpo cispo_one_sided", CONFIG="quickstart", OUT="out"
    )
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("dgpo ")]
    assert [command.split()[-2] for command in commands[:2]] == ["run.dir=out/dgpo-0", "run.dir=out/cispo_one_sided-0"]
    assert commands[2].split() == ["dgpo", "compare", "out/dgpo-0", "out/cispo_one_sided-0", "--out", "out"]
    assert not (ROOT / "out").exists()


def test_preparing_data_takes_the_benchmarks_out_of_the_training_set(tmp_path: Path) -> None:
    done = recipe("prepare_data.sh", "deepscaler", DRY_RUN="1", OUT=str(tmp_path), FROM="downloads")
    assert done.returncode == 0, done.stderr
    aime24, _, training = done.stdout.splitlines()
    assert aime24.split()[3:] == ["aime24", "--out", str(tmp_path), "--from", "downloads/aime24"]
    assert training.split()[-3:] == ["--decontaminate", f"{tmp_path}/aime24.parquet", f"{tmp_path}/aime25.parquet"]
    (tmp_path / "aime25.parquet").touch()
    assert "aime25.parquet is there" in recipe("prepare_data.sh", DRY_RUN="1", OUT=str(tmp_path)).stdout


def test_data_is_prepared_under_the_names_that_the_configs_read(tmp_path: Path) -> None:
    from dgpo.compose import compose_config
    from dgpo.data.sources import SOURCES

    for data in ("dapo_math_17k", "deepscaler"):
        config = compose_config("dgpo_7b", [f"data={data}"])
        for path in (*config.data.train_files, *config.data.val_files):
            assert Path(path).parent == Path("data") and Path(path).stem in SOURCES
