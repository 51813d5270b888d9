"""The GPU lock can work: installed here without flash-attn, imported, and its compiler used. No GPU is needed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dgpo.config.compose import compose_config, resolved
from dgpo.config.memory.shape import KNOWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
ROOT = Path(__file__).resolve().parents[2]

IMPORTS = """
import flashinfer.comm
import verl.trainer.main_ppo, verl.trainer.ppo.v1.trainer_separate_async
import verl.workers.engine_workers, verl.workers.engine.fsdp.transformer_impl
import verl.workers.rollout.vllm_rollout.vllm_async_server
import vllm.v1.engine.llm_engine
from verl.checkpoint_engine import CheckpointEngineRegistry

import dgpo.losses

CheckpointEngineRegistry.get("nccl")
"""

KERNEL = """
#include <cub/cub.cuh>
__global__ void sum(float *values) {
    using Reduce = cub::BlockReduce<float, 128>;
    __shared__ typename Reduce::TempStorage shared;
    float all = Reduce(shared).Sum(values[threadIdx.x]);
    if (threadIdx.x == 0) values[0] = all;
}
void launch(float *values) { sum<<<1, 128>>>(values); }
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a GPU environment made by scripts/install.sh."""
    tree = tmp_path_factory.mktemp("gpu")
    for folder in ("configs", "dgpo", "requirements", "scripts"):
        shutil.copytree(ROOT / folder, tree / folder)
    for file in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    environment = {**os.environ, "DGPO_FLASH_ATTN": "0"}
    command = ["bash", str(tree / "scripts/install.sh"), "gpu"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree / ".venv/bin/python"


def test_the_gpu_environment_imports_what_training_needs(python: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "VERL_PLATFORM"}
    done = subprocess.run([python, "-c", IMPORTS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_kernel_compiles_and_links_with_the_locked_toolkit_alone(python: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel.cu").write_text(KERNEL)
    where = "import os, verl; print(os.environ['CUDA_HOME'])"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CUDA_HOME": "/nowhere"}
    home = subprocess.run([python, "-c", where], env=environment, capture_output=True, text=True).stdout.split()[-1]
    options = ["-arch=sm_90", "-shared", "-Xcompiler=-fPIC", f"-L{home}/lib64", "-lcudart", "-o", "kernel.so"]
    command = [f"{home}/bin/nvcc", *options, "kernel.cu"]
    compiled = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


@pytest.fixture(scope="module")
def driver(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CUDA driver that has the functions which vLLM's libraries name, and none that works."""
    folder = tmp_path_factory.mktemp("driver")
    libraries = [str(file) for file in (python.parents[1] / "lib/python3.11/site-packages/vllm").rglob("*.so")]
    named = subprocess.run(["nm", "-D", "--undefined-only", *libraries], capture_output=True, text=True).stdout
    functions = sorted(set(re.findall(r"\bU (cu[A-Z]\w+)", named)))
    (folder / "driver.c").write_text("".join(f"void {name}(void) {{}}\n" for name in functions))
    subprocess.run(["gcc", "-shared", "driver.c", "-o", "libcuda.so.1"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("size", ["1_5b", "7b", "14b"])
def test_vllm_s_engine_config_is_the_recipe_s(python: Path, driver: Path, tmp_path: Path, size: str) -> None:
    from transformers import Qwen2Config

    from dgpo.tasks.small_model import character_tokenizer

    shape = KNOWN[f"deepseek-r1-distill-qwen-{size.replace('_', '.')}"]
    Qwen2Config(**shape.settings, architectures=["Qwen2ForCausalLM"], dtype="bfloat16").save_pretrained(tmp_path)
    character_tokenizer().save_pretrained(tmp_path)
    command = [
        python,
        ROOT / "tests/scripts/engine_config.py",
        f"dgpo_{size}",
        f"actor_rollout_ref.model.path={tmp_path}",
    ]
    environment = {key: value for key, value in os.environ.items() if key != "VERL_PLATFORM"}
    environment |= {"LD_LIBRARY_PATH": str(driver), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    engine = json.loads(done.stdout.splitlines()[-1])
    rollout = resolved(compose_config(f"dgpo_{size}")).actor_rollout_ref.rollout
    assert engine.pop("missing") == [] and engine.pop("enable_sleep_mode") is rollout.free_cache_engine
    assert engine == {key: rollout[key] for key in engine}
