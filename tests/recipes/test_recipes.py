"""What holds of every recipe."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recipes.conftest import RECIPES, ROOT, TRAINING, Done

SELF_INSTALLING = ("quickstart.sh", "agents.sh", "unlearn.sh")


def test_there_is_a_recipe_for_each_model() -> None:
    assert {*TRAINING, "compare_losses.sh", "prepare_data.sh", "quickstart.sh"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_strict_and_explains_itself(recipe: Callable[..., Done], name: str) -> None:
    text = (ROOT / "recipes" / name).read_text()
    assert "\nset -euo pipefail\n" in text
    done = recipe(name, "--help")
    assert f"recipes/{name}" in done.stdout and "set -e" not in done.stdout and "#!/" not in done.stdout


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in SELF_INSTALLING])
def test_without_an_installation_a_recipe_says_how_to_install(
    bash: Callable[..., Done], name: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    done = bash(f"recipes/{name}", "model", cwd=tmp_path, ends=1, PATH="/usr/bin:/bin", CDPATH=str(ROOT))
    assert done.stdout == ""
    assert done.stderr == f"dgpo is not installed: bash {tmp_path}/scripts/install.sh\n"


@pytest.mark.parametrize(("value", "dry"), [("1", True), ("true", True), ("no", True), ("0", False), ("", False)])
def test_any_value_but_0_asks_for_a_dry_run(bash: Callable[..., Done], value: str, dry: bool) -> None:
    assert (bash("-c", "source recipes/lib.sh; dry_run", DRY_RUN=value, ends=None).returncode == 0) is dry


def test_a_recipe_finds_its_checkout_through_a_link(bash: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to(ROOT / "recipes")
    (tmp_path / "own.sh").symlink_to(ROOT / "recipes/evaluate.sh")
    for called in ("folder/evaluate.sh", "own.sh"):
        done = bash(called, "m", cwd=tmp_path, DRY_RUN="1", BENCHMARKS="aime24,  amc23")
        assert "--benchmarks aime24,amc23" in done.stdout.replace("\\", ""), done.stderr
