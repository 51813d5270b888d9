"""The images' recipes, as far as they can be tried without a container engine."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLATFORMS = ("cpu", "gpu")


def instructions(platform: str) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile and its arguments, in order, lines joined."""
    lines = (ROOT / f"docker/Dockerfile.{platform}").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line]


def allowed(path: str) -> bool:
    """Whether .dockerignore lets ``path`` into the build: the last rule that fits it or a folder above it counts."""
    parts = path.split("/")
    above = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.removeprefix("!")
        if line and not line.startswith("#") and any(fnmatch(p, rule.removeprefix("**/")) for p in (*above, parts[-1])):
            kept = line.startswith("!")
    return kept


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_base_is_pinned_and_the_user_has_a_number_above_zero(platform: str) -> None:
    steps = instructions(platform)
    (base,) = (argument for name, argument in steps if name == "FROM")
    assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+-[\w.-]+", base)
    users = [argument for name, argument in steps if name == "USER"]
    assert users and int(users[-1]) > 0
    created = next(argument for name, argument in steps if name == "RUN" and "useradd" in argument)
    assert f"--uid {users[-1]}" in created


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_copied_is_there_and_enters_the_build(platform: str) -> None:
    sources = [word for name, argument in instructions(platform) if name == "COPY" for word in argument.split()[:-1]]
    assert {"dgpo", "configs", "scripts", "requirements", "recipes"} <= set(sources)
    assert all((ROOT / source).exists() and allowed(source) for source in sources)
    assert not any(map(allowed, (".git", ".venv/bin/python", "runs/x", "data", ".env", "dgpo/__pycache__/x.pyc")))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_mounted_is_where_the_commands_read_and_write_it(platform: str) -> None:
    steps = instructions(platform)
    folder = [argument for name, argument in steps if name == "WORKDIR"][-1]
    created = next(argument for name, argument in steps if name == "RUN" and "useradd" in argument)
    *_, owned = re.findall(r"chown dgpo:dgpo (.+)", created)
    header = (ROOT / f"docker/Dockerfile.{platform}").read_text()
    mounted = re.findall(r"-v \S+?:(/[\w/]+)", header)
    mounted += re.findall(r"mountPath: (/opt.+?)[,}]", (ROOT / "docs/cluster.md").read_text())
    assert len(mounted) > 3 and {str(Path(path).parent) for path in mounted} == {folder}
    assert {Path(path).name for path in mounted} <= set(owned.split())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_command_is_bash(platform: str) -> None:
    for name, argument in instructions(platform):
        if name == "RUN":
            subprocess.run(["bash", "-n"], input=argument, text=True, check=True)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_hadolint_finds_nothing(platform: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, f"docker/Dockerfile.{platform}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_cpu_image_s_smoke_test_passes_here(tmp_path: Path) -> None:
    (smoke,) = (argument for name, argument in instructions("cpu") if name == "RUN" and "dgpo check" in argument)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", smoke], cwd=tmp_path, env={**environment, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "quickstart: ready" in done.stdout and not list(tmp_path.iterdir())
