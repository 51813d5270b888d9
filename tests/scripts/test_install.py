"""The lock files and scripts/install.sh: real files and real processes."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dgpo.versions import locked_versions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["cpu", "gpu", "uv"]
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci/run"]
# What install.sh calls before there is any Python.
SYSTEM_COMMANDS = ["bash", "cat", "dirname", "env", "flock", "head", "mktemp", "rm", "sed", "sha256sum"]
SYSTEM_COMMANDS += ["tail", "uname"]
GPU_COMMANDS = ["awk", "cp", "ln", "mkdir", "nproc", "paste", "sort", "touch"]


def lock_text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text()


def blocks(text: str) -> list[str]:
    """The entries of a lock file: each pin with its hashes."""
    return [block for block in re.split(r"^(?=[A-Za-z])", text, flags=re.M) if not block.startswith("#")]


@pytest.fixture
def bare_tree(tmp_path):
    """A copy of what install.sh reads, without .venv, and a PATH with no Python on it."""
    tree = tmp_path / "a folder with spaces"
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, tree / folder)
    shutil.copy(ROOT / "pyproject.toml", tree)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in [*SYSTEM_COMMANDS, *GPU_COMMANDS]:
        place = shutil.which(name)
        assert place is not None, name
        (commands / name).symlink_to(place)
    return tree


def put_on_path(tree: Path, name: str, script: str) -> Path:
    command = tree.parent / "bin" / name
    command.write_text(f"#!/usr/bin/env bash\n{script}\n")
    command.chmod(0o755)
    return command


def start_install(tree: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", str(tree / "scripts" / "install.sh"), *arguments],
        cwd="/",
        env={"PATH": str(tree.parent / "bin"), "TMPDIR": str(tree.parent), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def install(tree: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start_install(tree, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_search_path_of_cd_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    command = ["bash", "-x", "scripts/install.sh", "no-platform"]
    environment = {**os.environ, "CDPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert f"root={ROOT}\n" in done.stderr


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash_but_torchs_cpu_build(name):
    without_hash = [block.strip() for block in blocks(lock_text(name)) if "--hash=sha256:" not in block]
    assert without_hash == (["torch==2.13.0+cpu"] if name == "cpu" else [])


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_folder(name):
    assert not re.search(r"://|--(extra-)?index-url|--find-links| @ ", lock_text(name))


def test_the_cpu_environment_has_nothing_for_a_gpu():
    names = [re.split("==", block)[0] for block in blocks(lock_text("cpu"))]
    unwanted = ("nvidia", "cuda", "triton", "flash", "torchvision", "torchaudio", "torchcodec")
    assert [name for name in names if name.startswith(unwanted)] == []


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_the_extras_name_the_locked_versions(platform):
    locked = locked_versions(lock_text(platform))
    project = PYPROJECT["project"]
    requirements = project["dependencies"] + project["optional-dependencies"][platform]
    for requirement in map(Requirement, requirements + project["optional-dependencies"]["dev"]):
        version = Version(locked[canonicalize_name(requirement.name)])
        assert requirement.specifier.contains(version.public), requirement


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_bash(script):
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("platform", "python", "environment", "says"),
    [
        ("tpu", "echo 3.11", {}, ["'tpu' is no platform", "install.sh [cpu|gpu|auto]"]),
        # As with pyenv: a name on PATH without an interpreter behind it.
        ("cpu", "exit 127", {}, ["No Python 3.10, 3.11 or 3.12", "apt-get install python3.11 python3.11-venv"]),
        ("cpu", "if [[ $2 == *ensurepip* ]]; then exit 1; fi; echo 3.12", {}, ["apt-get install python3.12-venv"]),
        # One that was asked for is not replaced by another.
        ("cpu", "echo 3.11", {"PYTHON": "/nowhere/python3"}, ["PYTHON=/nowhere/python3"]),
    ],
)
def test_what_cannot_be_installed_with_is_refused_with_what_to_do(bare_tree, platform, python, environment, says):
    put_on_path(bare_tree, "python3.11", python)
    code, _, err = install(bare_tree, platform, **environment)
    assert code == 1 and all(part in err for part in says) and not (bare_tree / ".venv").exists()


def test_a_failed_step_is_named_with_its_log_file_and_leaves_no_finished_environment(bare_tree):
    put_on_path(bare_tree, "python3.11", 'if [[ $1 == -m ]]; then echo "disk full"; exit 1; fi; echo 3.11')
    code, out, err = install(bare_tree, "cpu")
    assert code == 1 and "creating .venv ... FAILED" in out
    assert all(part in err for part in ("failed while creating .venv", "disk full", str(bare_tree / ".install.log")))
    assert not (bare_tree / ".venv/.dgpo-installed").exists()


@pytest.mark.parametrize(("status", "platform"), [(0, "gpu"), (9, "cpu")])
def test_auto_means_gpu_where_nvidia_smi_works(bare_tree, status, platform):
    put_on_path(bare_tree, "nvidia-smi", f"exit {status}")
    put_on_path(bare_tree, "python3.11", "if [[ $1 == -m ]]; then exit 1; fi; echo 3.11")
    _, out, _ = install(bare_tree, "auto")
    assert f"installing dgpo ({platform})" in out


@pytest.fixture
def gpu_tree(bare_tree):
    """A tree whose Python and uv do nothing but write down how uv was called; its flash-attn takes two attempts."""
    folder = bare_tree.parent
    put_on_path(
        bare_tree,
        "python3.11",
        f"""case "$*" in
        *ensurepip* | *"v = sys.version_info"*) echo 3.11 ;;
        "-m venv"*)
            mkdir -p "${{@: -1}}/bin"
            cp "$0" "${{@: -1}}/bin/python"
            cp "{folder}/bin/uv" "${{@: -1}}/bin" ;;
        *flash_attn*) [[ -e "{folder}/compiled" ]] ;;
        *"import toolkit"*) echo "{folder}/toolkit" ;;
        esac""",
    )
    put_on_path(
        bare_tree,
        "uv",
        f"""echo "$CUDA_HOME $FLASH_ATTENTION_FORCE_BUILD $FLASH_ATTN_CUDA_ARCHS $MAX_JOBS $*" >>"{folder}/calls"
        if [[ $* == *flash-attn.lock ]]; then
            [[ -e "{folder}/tried" ]] && touch "{folder}/compiled" || {{ touch "{folder}/tried"; exit 1; }}
        fi""",
    )
    put_on_path(bare_tree, "g++", "exit 0")
    (folder / "toolkit/lib").mkdir(parents=True)
    return bare_tree


def test_a_failed_compile_is_repeated_alone(gpu_tree):
    code, out, err = install(gpu_tree, "gpu", MAX_JOBS="7", CUDA_HOME="/usr/local/cuda-12.4")
    assert code == 1
    assert "failed while compiling flash-attn for 80;90, 7 of" in err and "MAX_JOBS=4 takes less" in err
    compiled = (gpu_tree.parent / "calls").read_text().splitlines()[-1]
    assert compiled.startswith(f"{gpu_tree.parent}/toolkit TRUE 80;90 7 pip install")
    assert os.readlink(gpu_tree.parent / "toolkit/lib64") == "lib"

    code, out, _ = install(gpu_tree, "gpu")
    assert code == 0 and "creating .venv" not in out and "compiling flash-attn" in out
    code, out, _ = install(gpu_tree, "gpu")
    assert code == 0 and "nothing to do" in out


def test_without_flash_attn_nothing_is_compiled(gpu_tree):
    (gpu_tree.parent / "bin/g++").unlink()
    code, out, _ = install(gpu_tree, "gpu", DGPO_FLASH_ATTN="0")
    assert code == 0 and "compiling" not in out


@pytest.mark.parametrize(
    ("gpus", "asked", "compiled"),
    [
        ("9.0\n9.0", "", "90"),
        ("8.6\n9.0\n8.0", "", "80;90"),
        ("9.0", "100", "100"),
        ("No devices were found", "", "80;90"),
    ],
)
def test_flash_attn_is_compiled_for_the_gpus_at_hand(gpu_tree, gpus, asked, compiled):
    put_on_path(gpu_tree, "nvidia-smi", f"[[ $1 != --query-gpu=compute_cap ]] || echo '{gpus}'")
    _, _, err = install(gpu_tree, "auto", FLASH_ATTN_CUDA_ARCHS=asked)
    assert f"compiling flash-attn for {compiled}, " in err


def test_a_gpu_without_code_in_flash_attn_and_a_missing_compiler_are_named_before_anything_is_fetched(gpu_tree):
    smi = put_on_path(gpu_tree, "nvidia-smi", "echo 7.5")
    code, _, err = install(gpu_tree, "gpu")
    assert code == 1 and "FLASH_ATTN_CUDA_ARCHS=70" in err and "DGPO_FLASH_ATTN=0" in err
    smi.unlink()
    (gpu_tree.parent / "bin/g++").unlink()
    code, _, err = install(gpu_tree, "gpu")
    assert code == 1 and "apt-get install g++" in err
    assert not (gpu_tree.parent / "calls").exists()


def test_a_second_install_waits_for_the_first(bare_tree):
    with (bare_tree / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start_install(bare_tree, "cpu")
        assert process.stdout is not None
        assert "waiting for it" in process.stdout.readline()
        assert process.poll() is None
    _, err = process.communicate(timeout=60)
    assert "No Python" in err


def test_a_second_run_changes_nothing():
    stamp = ROOT / ".venv/.dgpo-installed"
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve() or not stamp.is_file():
        pytest.skip("these tests do not run in the environment that install.sh made")
    packages = Path(sys.prefix, f"lib/python3.{sys.version_info.minor}/site-packages")
    watched = [stamp, packages, Path(sys.prefix, "bin"), ROOT / ".install.log"]
    before = [place.stat().st_mtime_ns for place in watched]
    platform = re.findall(r"^platform (.*)$", stamp.read_text(), flags=re.M)[0]
    command = ["bash", str(ROOT / "scripts/install.sh"), platform]
    result = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    assert "nothing to do" in result.stdout
    assert [place.stat().st_mtime_ns for place in watched] == before
