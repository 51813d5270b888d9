"""What a machine needs to run on NVIDIA GPUs, and the CUDA toolkit that the GPU environment brings for it.

Triton and vLLM compile kernels as they start: with nvcc and its headers, which are locked like every other package,
and with g++ and Python's headers, which are the machine's.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from dgpo.versions import install_command

# The oldest driver of CUDA 13, which torch and vLLM are built for.
DRIVER = 580


def toolkit() -> Path:
    """The toolkit's folder; the CPU environment has nothing there."""
    return Path(sysconfig.get_path("purelib")) / "nvidia/cu13"


def use_toolkit() -> None:
    """Have this process and its children compile with the toolkit, where there is one.

    Over a CUDA_HOME of one's own: on a cluster that is commonly CUDA 12, which cannot compile for torch's CUDA 13.
    """
    if (toolkit() / "bin/nvcc").is_file():
        os.environ["CUDA_HOME"] = str(toolkit())


def missing() -> Iterator[tuple[str, str]]:
    """What is missing on this machine, and how to get it."""
    import torch

    # Devices are counted by NVML, which answers under a driver of any age.
    if (count := torch.cuda.device_count()) and not torch.cuda.is_available():
        yield (
            f"torch cannot use the {count} GPUs here with NVIDIA's driver {driver_version()}",
            f"CUDA 13 needs driver {DRIVER} or newer; `python -c 'import torch; torch.cuda.init()'` says more",
        )
    for path in (toolkit() / "bin/nvcc", toolkit() / "lib64/libcudart.so"):
        if not path.exists():
            yield f"the CUDA toolkit of the environment lacks {path}", f"run `{install_command('gpu')}`"
            break
    if shutil.which("g++") is None:
        yield "there is no C++ compiler (g++) on PATH", "on Debian or Ubuntu: apt-get install g++"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-dev"
        yield "Python's headers (Python.h) are not installed", f"on Debian or Ubuntu: apt-get install {package}"


def driver_version() -> str:
    """Of NVIDIA's driver, as nvidia-smi tells it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "of unknown version"
