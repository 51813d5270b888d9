"""verl's platform interface for a CPU: gloo for collectives, system memory for "device" memory.

Ray sees logical "GPU" slots (``ray.init(num_gpus=N)``), one for each FSDP rank, so that verl's placement code
needs no change; a slot is a process here.
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

PLATFORM_NAME = "cpu"


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
    """Operations that an accelerator needs and a CPU does not."""


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

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return not torch.cuda.is_available()

    def current_device(self) -> Any:
        return current_device()

    def device_count(self) -> int:
        return device_count()

    def set_device(self, device_index: int) -> None:
        """One CPU serves every rank."""

    def synchronize(self, device_index: int | None = None) -> None:
        """CPU operations are synchronous."""

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        """The settings verl passes (expandable segments) are the CUDA allocator's."""

    def empty_cache(self) -> None:
        """System memory has no caching allocator to empty."""

    def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        yield

    def profiler_start(self) -> None:
        """No device profiler."""

    def profiler_stop(self) -> None:
        """No device profiler."""

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def is_ipc_supported(self) -> bool:
        """Weights go to vLLM through POSIX shared memory instead of CUDA IPC."""
        return False

    def cudart(self) -> Any:
        return None


def register() -> None:
    """Tell verl's registry about the platform; ``VERL_PLATFORM=cpu`` or detection then selects it."""
    PlatformRegistry.register(platform=PLATFORM_NAME)(PlatformCPU)
