"""verl's platform interface for a CPU: gloo for collectives, system memory for "device" memory.

Ray sees logical "GPU" slots (``ray.init(num_gpus=N)``), one for each FSDP rank, so that verl's placement code
needs no change; here a slot is a process.
"""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import psutil
import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry


def _resident_bytes(*_: Any) -> int:
    """Resident memory of this process, in bytes."""
    return psutil.Process().memory_info().rss


def mem_get_info(*_: Any) -> tuple[int, int]:
    """(free, total) system memory in bytes, as ``torch.cuda.mem_get_info`` reports a device's."""
    memory = psutil.virtual_memory()
    return memory.available, memory.total


def is_available() -> bool:
    return True


def device_count() -> int:
    return 1


def current_device() -> torch.device:
    """verl passes the result to ``tensor.to``, where an index would mean an accelerator."""
    return torch.device("cpu")


def get_device_name(*_: Any) -> str:
    return "cpu"


def _nothing(*_: Any, **__: Any) -> None:
    """An operation that an accelerator needs and a CPU does not."""


memory_allocated = memory_reserved = max_memory_allocated = max_memory_reserved = _resident_bytes
empty_cache = synchronize = ipc_collect = set_device = _nothing
set_per_process_memory_fraction = reset_peak_memory_stats = _nothing
get_rng_state = torch.get_rng_state
set_rng_state = torch.set_rng_state
manual_seed = manual_seed_all = torch.manual_seed
Stream = torch.cpu.Stream
stream = torch.cpu.stream
current_stream = torch.cpu.current_stream


class PlatformCPU(PlatformBase):
    """A machine without an accelerator. This module itself stands in for ``torch.cuda``."""

    @property
    def device_name(self) -> str:
        return "cpu"

    @property
    def vendor_name(self) -> str:
        return "cpu"

    @property
    def device_module(self) -> ModuleType:
        return sys.modules[__name__]

    is_available = staticmethod(is_available)  # pyright: ignore[reportAssignmentType]
    device_count = staticmethod(device_count)  # pyright: ignore[reportAssignmentType]
    current_device = staticmethod(current_device)  # pyright: ignore[reportAssignmentType]
    manual_seed = manual_seed_all = staticmethod(torch.manual_seed)  # pyright: ignore[reportAssignmentType]
    # Not needed on a CPU: it serves all ranks synchronously, from memory without an allocator to configure.
    set_device = synchronize = empty_cache = set_allocator_settings = staticmethod(_nothing)
    profiler_start = profiler_stop = cudart = staticmethod(_nothing)

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return not torch.cuda.is_available()

    def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        yield

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def is_ipc_supported(self) -> bool:
        """Weights go to vLLM through POSIX shared memory instead of CUDA IPC."""
        return False


def register() -> None:
    """Tell verl's registry about the platform; ``VERL_PLATFORM=cpu`` or detection then selects it."""
    PlatformRegistry.register(platform="cpu")(PlatformCPU)
