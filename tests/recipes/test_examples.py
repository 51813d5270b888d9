"""The recipes that set themselves up: quickstart.sh, agents.sh, unlearn.sh."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dgpo.config.compose import compose_config, resolved
from tests.recipes.conftest import ROOT, Called, Done


def test_the_agents_recipe_makes_maps_and_a_model_and_trains(calls: Callable[..., Called]) -> None:
    called = calls("agents.sh", "advantage=gigpo", SEED="7")
    *made, train = called.commands
    assert [command[:2] for command in made][-2:] == [["model", "small"], ["model", "warm-start-lake"]]
    assert train == ["train", "--config-name", "agents", "seed=7", "advantage=gigpo"]
    # What is made is what the run reads.
    run = resolved(compose_config("agents", train[3:]))
    assert run.actor_rollout_ref.model.path == made[-1][made[-1].index("--out") + 1]


@pytest.mark.parametrize(("env", "id", "turns"), [("alfworld", "ALFWorld-v0", 50), ("webshop", "WebShop-v0", 15)])
def test_the_agents_recipe_trains_the_paper_s_set_up_in_an_environment(
    env: str, id: str, turns: int, calls: Callable[..., Called], ready: Callable[[list[str]], str]
) -> None:
    called = calls("agents.sh", "trainer.save_freq=50", DRY_RUN="1", ENV=env, ADVANTAGE="gigpo", SEED="3")
    made, train = map(shlex.split, called.done.stdout.splitlines())
    assert made[1:5] == ["data", "env", "--id", id]
    (check,) = called.commands
    assert check[-1] == "trainer.save_freq=50" and ready(check)
    run = resolved(compose_config("agents_7b", train[4:]))
    assert run.run.name == f"grpo-gigpo-{env}-3" and run.agent.max_turns == turns
    # What is made is what the run reads.
    assert run.data.train_files == f"{made[made.index('--out') + 1]}/train.parquet"


def test_the_agents_recipe_asks_for_what_an_environment_needs(calls: Callable[..., Called], tmp_path: Path) -> None:
    for env, says in (("sokoban", "ENV=sokoban: use alfworld or webshop"), ("webshop", f"WEBSHOP={tmp_path}: name a")):
        called = calls("agents.sh", ENV=env, WEBSHOP=str(tmp_path), ends=2)
        assert says in called.done.stderr and called.commands == []


def test_a_dry_run_of_the_quick_start_prints_its_commands_and_starts_none(calls: Callable[..., Called]) -> None:
    called = calls("quickstart.sh", "policy_loss=grpo", DRY_RUN="1", SEED="3", DGPO_PLATFORM="cpu")
    assert called.commands == []
    printed = [shlex.split(line) for line in called.done.stdout.splitlines() if line and not line.startswith("[")]
    install, data, *_, warm_start, train = printed
    assert install == ["bash", "scripts/install.sh", "cpu"]
    assert train == ["dgpo", "train", "--config-name", "quickstart", "seed=3", "policy_loss=grpo"]
    # What is made is what the run reads.
    run = resolved(compose_config("quickstart", train[4:]))
    assert run.actor_rollout_ref.model.path == warm_start[warm_start.index("--out") + 1]
    assert run.data.train_files.startswith(data[data.index("--out") + 1])


def test_the_quick_start_leaves_a_gpu_environment_alone(bash: Callable[..., Done], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.dgpo-installed").write_text("root /x\nPython 3.11.7\nplatform gpu\nflash-attn 1\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/install.sh").write_text('echo "installing $1"; exit 3\n')
    quickstart = str(tmp_path / "recipes/quickstart.sh")
    done = bash(quickstart, cwd=tmp_path, ends=2)
    assert "DGPO_PLATFORM=cpu" in done.stderr and "installing" not in done.stdout
    assert "installing cpu" in bash(quickstart, cwd=tmp_path, DGPO_PLATFORM="cpu", ends=3).stdout


def test_the_unlearning_recipe_makes_models_then_forgets_by_each_method_and_reports(
    recipe: Callable[..., Done],
) -> None:
    done = recipe("unlearn.sh", "train.steps=5", DRY_RUN="1", METHODS="palu,npo", SEED="3")
    commands = [shlex.split(line) for line in done.stdout.splitlines()]
    assert [command[2] for command in commands if command[1] == "unlearn"][-5:] == ["train"] * 4 + ["eval"]
    assert commands[-2][2:] == ["train", "method=npo", "seed=3", "train.steps=5"]
    assert {f"runs/unlearning/{name}-3" for name in ("full", "palu", "npo", "retain")} <= {*commands[-1]}
