"""The wheel: what it holds and how it is found."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dgpo import __version__

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_dgpo_alone_with_its_configs_and_locks(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"dgpo", f"dgpo-{__version__}.dist-info"}
    configs = {str(path.relative_to(ROOT)) for path in (ROOT / "configs").rglob("*.yaml")}
    assert {f"dgpo/{config}" for config in configs} <= set(names)


def test_an_installed_wheel_finds_its_own_locks(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from dgpo.versions import find_lock; print(find_lock('cpu')); print(find_lock('gpu'))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert found == [str(tmp_path / "dgpo/requirements" / f"{platform}.lock") for platform in ("cpu", "gpu")]


def test_verl_finds_the_plugin_as_a_module(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [entry_points] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(entry_points).decode()
        assert "dgpo/plugin.py" in archive.namelist()
    assert "[verl.plugins]\ndgpo = dgpo.plugin\n" in text
