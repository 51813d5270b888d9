"""Every recipe is run for real up to the point where it would start: what it prints, and what it refuses.

Where a recipe checks its config, the command is noted and called here: a process that imports verl takes ten seconds.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.cli import main
from dgpo.config.compose import compose_config, resolved
from dgpo.data.sources import SOURCES
from dgpo.data.sources.arithmetic import write_splits

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(file.name for file in (ROOT / "recipes").glob("*.sh") if file.name != "lib.sh")
TRAINING = ["train_1.5b.sh", "train_7b.sh", "train_14b.sh"]
BENCHMARKS = ["aime24", "aime25", "amc23", "math500", "minerva", "olympiadbench"]
VARIABLES = {
    "LOSS",
    "LOSSES",
    "RATES",
    "SEED",
    "SEEDS",
    "HARDWARE",
    "GPU",
    "MODEL",
    "DATA",
    "FROM",
    "OUT",
    "CONFIG",
    "MODE",
    "ENV",
    "ADVANTAGE",
    "WEBSHOP",
}
VARIABLES |= {"BENCHMARKS", "METHODS", "BUDGET", "DRY_RUN", "DGPO_PLATFORM", "RAY_ADDRESS"}


def bash(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run bash with the ``dgpo`` of this environment, and of the recipes' variables none but ``variables``."""
    own = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    # No GPU is seen, so that nothing can be trained on one.
    environment = {**own, "PATH": path, "COLUMNS": "200", "CUDA_VISIBLE_DEVICES": "", **variables}
    return subprocess.run(["bash", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def recipe(name: str, *arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run recipes/``name``."""
    return bash(str(ROOT / "recipes" / name), *arguments, cwd=cwd, **variables)


@dataclass(frozen=True)
class Called:
    """A recipe's run in which ``dgpo`` only notes its arguments, and returns ``STATUS``."""

    done: subprocess.CompletedProcess[str]
    commands: list[list[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Callable[..., Called]:
    """Run recipes/``name`` as `recipe` does, with a ``dgpo`` that only notes its arguments."""

    def calls(name: str, *arguments: str, **variables: str) -> Called:
        notes = tmp_path / "calls"
        notes.write_text("")
        # A function stands before what is on the path.
        noting = '() { printf "%q " "$@" >> "$CALLS"; echo >> "$CALLS"; return "${STATUS:-0}"; }'
        done = recipe(name, *arguments, CALLS=str(notes), **{"BASH_FUNC_dgpo%%": noting}, **variables)
        return Called(done, [shlex.split(line) for line in notes.read_text().splitlines()])

    return calls


def test_there_is_a_recipe_for_each_model() -> None:
    assert {*TRAINING, "compare_losses.sh", "prepare_data.sh", "quickstart.sh"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_strict_and_explains_itself(name: str) -> None:
    text = (ROOT / "recipes" / name).read_text()
    assert "\nset -euo pipefail\n" in text
    done = recipe(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"recipes/{name}" in done.stdout and "set -e" not in done.stdout and "#!/" not in done.stdout


@pytest.mark.parametrize(("name", "dry"), list(zip(TRAINING, ("1", "true", "yes"), strict=True)))
def test_a_dry_run_prints_the_command_and_the_plan_and_starts_nothing(
    name: str, dry: str, calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]
) -> None:
    size = name.removeprefix("train_").removesuffix(".sh")
    called = calls(name, "trainer.total_training_steps=7", DRY_RUN=dry, LOSS="maspo", SEED="3", GPU="141gb")
    assert called.done.returncode == 0, called.done.stderr
    (command,) = called.done.stdout.splitlines()
    (check,) = called.commands
    assert check[0] == "check" and main(check) == 0
    said = capsys.readouterr().out
    for part in ("policy_loss=maspo", "seed=3", f"run.name=maspo-{size}-3", "gpu=141gb", "total_training_steps=7"):
        assert part in command
    assert "ready, 0 errors" in said
    assert f"DeepSeek-R1-Distill-Qwen-{size.upper()}" in said
    assert "It fits: " in said and "of 139 GiB" in said
    assert " H200: " in said and "for 7 steps" in said
    assert not (ROOT / "runs" / f"maspo-{size}-3").exists()


def test_a_7b_trains_on_one_gpu_by_lora(calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]) -> None:
    called = calls("train_7b_lora.sh", DRY_RUN="1", SEED="3")
    assert called.done.returncode == 0, called.done.stderr
    (check,) = called.commands
    assert main(check) == 0 and "run.name=dgpo-7b-lora-3" in called.done.stdout
    said = capsys.readouterr().out
    for part in ("ready, 0 errors", "LoRA of rank 32 trains 80.7 M", "on 1 x 1 GPUs", "It fits: ", "of 79 GiB"):
        assert part in said
    # The head of the recipe says the same.
    (days,) = re.findall(r"\((.*) days\)", said)
    assert f"about {days} days on one H100" in (ROOT / "recipes/train_7b_lora.sh").read_text()


def test_a_wrong_key_fails_the_recipe(calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]) -> None:
    called = calls("train_7b.sh", "actor_rollout_ref.actor.optim.lrr=1", DRY_RUN="1", STATUS="2")
    assert called.done.returncode == 2 and [main(command) for command in called.commands] == [2]
    assert "optim.lrr" in capsys.readouterr().err


def test_a_recipe_is_refused_where_there_are_no_gpus(
    calls: Callable[..., Called], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none = tmp_path / "none"
    overrides = [f"data.train_files={none}.parquet", f"run.dir={tmp_path}/run"]
    called = calls("train_1.5b.sh", *overrides, DRY_RUN="0", MODEL=str(none), STATUS="2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    # It ends there, and exports nothing.
    assert called.done.returncode == 2 and [main(command) for command in called.commands] == [2]
    said = capsys.readouterr().err
    for says in ("trainer.n_gpus_per_node=8", f"{none}.parquet", f"actor_rollout_ref.model.path={none}"):
        assert says in said


def test_the_agents_recipe_makes_maps_and_a_model_and_trains(calls: Callable[..., Called]) -> None:
    called = calls("agents.sh", "advantage=gigpo", SEED="7")
    assert called.done.returncode == 0, called.done.stderr
    *made, train = called.commands
    assert [command[:2] for command in made][-2:] == [["model", "small"], ["model", "warm-start-lake"]]
    assert train == ["train", "--config-name", "agents", "seed=7", "advantage=gigpo"]
    # What is made is what the run reads.
    run = resolved(compose_config("agents", train[3:]))
    assert run.actor_rollout_ref.model.path == made[-1][made[-1].index("--out") + 1]


@pytest.mark.parametrize(("env", "id", "turns"), [("alfworld", "ALFWorld-v0", 50), ("webshop", "WebShop-v0", 15)])
def test_the_agents_recipe_trains_the_paper_s_set_up_in_an_environment(
    env: str, id: str, turns: int, calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]
) -> None:
    called = calls("agents.sh", "trainer.save_freq=50", DRY_RUN="1", ENV=env, ADVANTAGE="gigpo", SEED="3")
    assert called.done.returncode == 0, called.done.stderr
    made, train = map(shlex.split, called.done.stdout.splitlines())
    assert made[1:5] == ["data", "env", "--id", id]
    (check,) = called.commands
    assert check[-1] == "trainer.save_freq=50" and main(check) == 0
    assert "ready, 0 errors" in capsys.readouterr().out
    run = resolved(compose_config("agents_7b", train[4:]))
    assert run.run.name == f"grpo-gigpo-{env}-3" and run.agent.max_turns == turns
    # What is made is what the run reads.
    assert run.data.train_files == f"{made[made.index('--out') + 1]}/train.parquet"


def test_the_agents_recipe_asks_for_what_an_environment_needs(calls: Callable[..., Called], tmp_path: Path) -> None:
    for env, says in (("sokoban", "ENV=sokoban: use alfworld or webshop"), ("webshop", f"WEBSHOP={tmp_path}: name a")):
        called = calls("agents.sh", ENV=env, WEBSHOP=str(tmp_path))
        assert called.done.returncode == 2 and says in called.done.stderr and called.commands == []


@pytest.mark.parametrize(("value", "dry"), [("1", True), ("true", True), ("no", True), ("0", False), ("", False)])
def test_any_value_but_0_asks_for_a_dry_run(value: str, dry: bool) -> None:
    assert (bash("-c", "source recipes/lib.sh; dry_run", DRY_RUN=value).returncode == 0) is dry


def test_dynamo_is_checked_at_the_paper_s_size_and_at_the_quick_start_s(
    calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]
) -> None:
    called = calls("dynamo.sh", DRY_RUN="1")
    (check,) = called.commands
    for part in (
        "rollouts=dynamo",
        "advantage=dynamo",
        "budget=papers",
        "policy_loss=grpo",
        "run.name=grpo-dgpo_7b-dynamo-0",
    ):
        assert part in check
    assert main(check) == 0 and "ready, 0 errors" in capsys.readouterr().out
    for config, loss in (("quickstart", "grpo"), ("dgpo_1_5b", "dgpo")):
        (check,) = calls("dynamo.sh", DRY_RUN="1", CONFIG=config, LOSS=loss).commands
        assert main(check) == 0 and "ready, 0 errors" in capsys.readouterr().out


def test_an_asynchronous_run_has_its_seed_in_its_name(
    calls: Callable[..., Called], capsys: pytest.CaptureFixture[str]
) -> None:
    called = calls("train_async.sh", DRY_RUN="1", SEED="3", MODE="separate_async", LOSS="maspo")
    assert called.done.returncode == 0, called.done.stderr
    (command,) = called.done.stdout.splitlines()
    for part in ("trainer_mode=separate_async", "seed=3", "run.name=maspo-dgpo_7b-separate_async-3"):
        assert part in command
    assert [main(command) for command in called.commands] == [0]
    assert "ready, 0 errors" in capsys.readouterr().out


SELF_INSTALLING = ("quickstart.sh", "agents.sh", "unlearn.sh")


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in SELF_INSTALLING])
def test_without_an_installation_a_recipe_says_how_to_install(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    done = subprocess.run(
        ["bash", f"recipes/{name}", "model"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CDPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"dgpo is not installed: bash {tmp_path}/scripts/install.sh\n"


def test_the_quick_start_leaves_a_gpu_environment_alone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.dgpo-installed").write_text("root /x\nPython 3.11.7\nplatform gpu\nflash-attn 1\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/install.sh").write_text('echo "installing $1"; exit 3\n')
    quickstart = str(tmp_path / "recipes/quickstart.sh")
    done = bash(quickstart, cwd=tmp_path)
    assert done.returncode == 2 and "DGPO_PLATFORM=cpu" in done.stderr and "installing" not in done.stdout
    done = bash(quickstart, cwd=tmp_path, DGPO_PLATFORM="cpu")
    assert done.returncode == 3 and "installing cpu" in done.stdout


def test_the_unlearning_recipe_makes_models_then_forgets_by_each_method_and_reports() -> None:
    done = recipe("unlearn.sh", "train.steps=5", DRY_RUN="1", METHODS="palu npo", SEED="3")
    assert done.returncode == 0, done.stderr
    commands = [shlex.split(line) for line in done.stdout.splitlines()]
    assert [command[2] for command in commands if command[1] == "unlearn"][-5:] == ["train"] * 4 + ["eval"]
    assert commands[-2][2:] == ["train", "method=npo", "seed=3", "train.steps=5"]
    assert {f"runs/unlearning/{name}-3" for name in ("full", "palu", "npo", "retain")} <= {*commands[-1]}


@pytest.mark.slow
def test_a_recipe_exports_from_the_folder_that_the_config_names(
    untrained: Path, train_to: Callable[[Path, int, float], None], tmp_path: Path
) -> None:
    write_splits(tmp_path / "data", train=64, validation=8, test=8)
    train_to(tmp_path / "a run/mine", 10, 0.5)
    config = resolved(compose_config("quickstart", [f"actor_rollout_ref.model.path={untrained}"]))
    OmegaConf.save(config, tmp_path / "a run/mine/config.yaml")
    done = bash(
        "-c",
        'set -euo pipefail; source recipes/lib.sh; train quickstart tiny "$@"',
        "bash",
        f"data.train_files={tmp_path}/data/train.parquet",
        f"data.val_files={tmp_path}/data/validation.parquet",
        "trainer.total_training_steps=10",
        # Hydra's grammar: a leading ++, and quotes around a path.
        "++run.name=mine",
        f"run.dir='{tmp_path}/a run/${{run.name}}'",
        MODEL=str(untrained),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this run has done its 10 steps" in done.stdout
    assert (tmp_path / "a run/mine/best/model.safetensors").is_file()


def evaluated(*arguments: str, cwd: Path = ROOT, **variables: str) -> list[list[str]]:
    """The commands of recipes/evaluate.sh."""
    done = recipe("evaluate.sh", *arguments, cwd=cwd, DRY_RUN="1", **variables)
    assert done.returncode == 0, done.stderr
    return [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("dgpo ")]


def test_an_evaluation_s_three_commands_follow_its_variables(tmp_path: Path) -> None:
    *prepare, run, score, report = evaluated("a/b", "--samples", "4", DATA=str(tmp_path))
    assert [command[3] for command in prepare] == BENCHMARKS
    assert run[3:] == [
        "--model", "a/b", "--benchmarks", ",".join(BENCHMARKS), "--data", str(tmp_path), "--out", "evaluations/a-b",
        "--samples", "4",
    ]  # fmt: skip
    assert score[3:] == ["evaluations/a-b"] and report[3:] == ["evaluations/a-b"]
    one, run, score, _ = evaluated("a/b", DATA=str(tmp_path), BENCHMARKS="aime24", OUT="x", FROM="downloads")
    assert one[3:] == ["aime24", "--out", str(tmp_path), "--from", "downloads/aime24"]
    assert run[-1] == "x" and score[3:] == ["x"]


def test_an_evaluation_takes_its_paths_from_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "mymodel").mkdir()
    first, *_, run, _, report = evaluated("mymodel/", cwd=tmp_path, OUT="scores", DATA="data", FROM="raw")
    assert first[3:] == ["aime24", "--out", f"{tmp_path}/data", "--from", f"{tmp_path}/raw/aime24"]
    assert run[4] == f"{tmp_path}/mymodel" and run[8] == f"{tmp_path}/data" and report[3:] == [f"{tmp_path}/scores"]
    # What is not there may be a hub's model.
    assert evaluated("owner/name", cwd=tmp_path, DATA=str(tmp_path))[-3][4] == "owner/name"


@pytest.mark.parametrize("option", ["--out", "--out=x", "--benchmarks", "--data", "--model=x"])
def test_an_option_that_one_of_three_commands_would_follow_is_refused(option: str) -> None:
    done = recipe("evaluate.sh", "model", option, "x", DRY_RUN="1")
    assert done.returncode == 2 and done.stdout == "" and f"{option}: say it with BENCHMARKS" in done.stderr
    # This one only begins alike.
    assert evaluated("a/b", "--data-parallel-size", "8")[-3][-1] == "8"


def test_comparing_takes_each_loss_and_seed(calls: Callable[..., Called]) -> None:
    losses = "dgpo cispo_one_sided"
    called = calls("compare_losses.sh", "seed=0", DRY_RUN="1", LOSSES=losses, CONFIG="quickstart", OUT="out")
    assert called.done.returncode == 0, called.done.stderr
    folders = ["out/dgpo-0", "out/cispo_one_sided-0"]
    assert [command[-2] for command in called.commands] == [f"run.dir={folder}" for folder in folders]
    assert all(command[0] == "check" and main(command) == 0 for command in called.commands)
    assert called.done.stdout.splitlines()[-1].split() == ["dgpo", "compare", *folders, "--out", "out"]
    assert not (ROOT / "out").exists()


def test_comparing_where_losses_differ_makes_its_task_and_takes_each_rate(calls: Callable[..., Called]) -> None:
    called = calls(
        "compare_losses.sh",
        DRY_RUN="1",
        LOSSES="gppo",
        SEEDS="0 1",
        RATES="3e-5 6e-5",
        CONFIG="misconceptions",
        OUT="out",
    )
    assert called.done.returncode == 0, called.done.stderr
    names = [f"gppo-{rate}-{seed}" for seed in (0, 1) for rate in ("3e-5", "6e-5")]
    checks = [command for command in called.commands if command[0] == "check"]
    assert [command[-2] for command in checks] == [f"run.dir=out/{name}" for name in names]
    assert [command[-1][-7:] for command in checks] == ["lr=3e-5", "lr=6e-5"] * 2
    assert main(checks[0]) == 0
    made = [line.split()[1:3] for line in called.done.stdout.splitlines() if not line.startswith("dgpo train")]
    assert made[:-1] == [["data", "arithmetic"], *[["model", "small"], ["model", "warm-start"]] * 2]


def test_preparing_data_takes_the_benchmarks_out_of_the_training_set(tmp_path: Path) -> None:
    done = recipe("prepare_data.sh", "deepscaler", DRY_RUN="1", OUT=str(tmp_path), FROM="downloads")
    assert done.returncode == 0, done.stderr
    aime24, *_, training = done.stdout.splitlines()
    assert aime24.split()[3:] == ["aime24", "--out", str(tmp_path), "--from", "downloads/aime24"]
    files = [f"{tmp_path}/{name}.parquet" for name in BENCHMARKS]
    assert training.split()[-7:] == ["--decontaminate", *files]
    (tmp_path / "aime25.parquet").touch()
    assert "aime25.parquet is there" in recipe("prepare_data.sh", DRY_RUN="1", OUT=str(tmp_path)).stdout


def test_preparing_data_takes_its_paths_from_where_it_is_called(tmp_path: Path) -> None:
    done = recipe("prepare_data.sh", cwd=tmp_path, DRY_RUN="1", OUT="files", FROM="downloads")
    assert f"aime24 --out {tmp_path}/files --from {tmp_path}/downloads/aime24 " in done.stdout


def test_data_is_prepared_under_the_names_that_the_configs_read() -> None:
    for data in ("dapo_math_17k", "deepscaler"):
        config = compose_config("dgpo_7b", [f"data={data}"])
        for path in (*config.data.train_files, *config.data.val_files):
            assert Path(path).parent == Path("data") and Path(path).stem in SOURCES
