"""What a machine with GPUs lacks is named, with the version that is there and the command that mends it."""

import os
from pathlib import Path

import pytest
import torch

from dgpo import cuda


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with g++ on it, beside a toolkit without gaps."""
    commands, toolkit = tmp_path / "bin", tmp_path / "cu13"
    for file in (commands / "g++", toolkit / "bin/nvcc", toolkit / "lib64/libcudart.so"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr(cuda, "toolkit", lambda: toolkit)
    return tmp_path


def test_a_machine_with_all_of_it_lacks_nothing(machine: Path) -> None:
    assert list(cuda.missing()) == []


def test_a_driver_that_is_too_old_is_named_with_the_one_that_is_needed(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (message, remedy), *_ = cuda.missing()
    assert "8 GPUs" in message and "of unknown version" in message and "580" in remedy
    nvidia_smi = machine / "bin/nvidia-smi"
    nvidia_smi.write_text("#!/bin/sh\necho 550.54.15\necho 550.54.15\n")
    nvidia_smi.chmod(0o755)
    (message, _), *_ = cuda.missing()
    assert message.endswith("driver 550.54.15")


@pytest.mark.parametrize(
    ("file", "message", "remedy"),
    [
        ("bin/g++", "no C++ compiler", "apt-get install g++"),
        ("cu13/bin/nvcc", "nvcc", "bash scripts/install.sh gpu"),
        ("cu13/lib64/libcudart.so", "libcudart.so", "bash scripts/install.sh gpu"),
    ],
)
def test_what_kernels_are_compiled_with_is_missed(machine: Path, file: str, message: str, remedy: str) -> None:
    (machine / file).unlink()
    ((says, mend),) = cuda.missing()
    assert message in says and remedy in mend


def test_missing_headers_of_python_are_named_with_their_package(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda.sysconfig, "get_path", lambda name: str(machine / name))
    ((says, mend),) = cuda.missing()
    assert "Python.h" in says and mend.endswith("-dev")


def test_kernels_are_compiled_with_the_locked_toolkit_whatever_cuda_home_says(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_HOME", "/usr/local/cuda-12.4")
    cuda.use_toolkit()
    assert os.environ["CUDA_HOME"] == str(machine / "cu13")


def test_without_a_toolkit_of_its_own_cuda_home_stays(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_HOME", "/usr/local/cuda-12.4")
    (machine / "cu13/bin/nvcc").unlink()
    cuda.use_toolkit()
    assert os.environ["CUDA_HOME"] == "/usr/local/cuda-12.4"
