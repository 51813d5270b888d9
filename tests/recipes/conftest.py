"""Every recipe is run for real up to the point where it would start.

Where a recipe checks its config, the command is noted and called here: a process that imports verl takes ten seconds.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgpo.cli import main

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(file.name for file in (ROOT / "recipes").glob("*.sh") if file.name != "lib.sh")
TRAINING = ["train_1.5b.sh", "train_7b.sh", "train_14b.sh"]
BENCHMARKS = ["aime24", "aime25", "amc23", "math500", "minerva", "olympiadbench"]
VARIABLES = {
    "LOSS", "LOSSES", "RATES", "SEED", "SEEDS", "HARDWARE", "GPU", "MODEL", "DATA", "FROM", "OUT", "CONFIG", "MODE",
    "ENV", "ADVANTAGE", "WEBSHOP", "BENCHMARKS", "METHODS", "BUDGET", "DRY_RUN", "DGPO_PLATFORM", "RAY_ADDRESS",
}  # fmt: skip
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def bash() -> Callable[..., Done]:
    """Run bash with the ``dgpo`` of this environment, and of the recipes' variables none but ``variables``.

    What it ends with is asserted to be the status ``ends``, unless that is None.
    """

    def bash(*arguments: str, cwd: Path = ROOT, ends: int | None = 0, **variables: str) -> Done:
        own = {key: value for key, value in os.environ.items() if key not in VARIABLES}
        path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        # No GPU is seen, so that nothing can be trained on one.
        environment = {**own, "PATH": path, "COLUMNS": "200", "CUDA_VISIBLE_DEVICES": "", **variables}
        done = subprocess.run(["bash", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
        assert ends in (None, done.returncode), done.stdout + done.stderr
        return done

    return bash


@pytest.fixture(scope="session")
def recipe(bash: Callable[..., Done]) -> Callable[..., Done]:
    """Run recipes/``name``."""
    return lambda name, *arguments, **how: bash(str(ROOT / "recipes" / name), *arguments, **how)


@dataclass(frozen=True)
class Called:
    """A recipe's run in which ``dgpo`` only notes its arguments."""

    done: Done
    commands: list[list[str]]


@pytest.fixture
def calls(recipe: Callable[..., Done], tmp_path: Path) -> Callable[..., Called]:
    """Run recipes/``name`` as `recipe` does, with a ``dgpo`` that only notes its arguments, and ends as it shall."""

    def calls(name: str, *arguments: str, ends: int = 0, **variables: str) -> Called:
        notes = tmp_path / "calls"
        notes.write_text("")
        # A function stands before what is on the path.
        noting = '() { printf "%q " "$@" >> "$CALLS"; echo >> "$CALLS"; return "$STATUS"; }'
        own = {"CALLS": str(notes), "STATUS": str(ends), "BASH_FUNC_dgpo%%": noting}
        done = recipe(name, *arguments, ends=ends, **own, **variables)
        return Called(done, [shlex.split(line) for line in notes.read_text().splitlines()])

    return calls


@pytest.fixture
def ready(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    """What the ``dgpo check`` of a recipe says, which finds nothing wrong."""

    def ready(check: list[str]) -> str:
        assert check[0] == "check" and main(check) == 0
        said = capsys.readouterr().out
        assert "ready, 0 errors" in said
        return said

    return ready
