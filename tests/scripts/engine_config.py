"""vLLM's engine config for a recipe's replica, as verl's server makes it, where a GPU is only said to be there.

Run by test_gpu_environment.py. Arguments: a config and overrides. Prints as JSON what the engine would start with,
and what verl's server uses of the engine that this vLLM does not have.
"""

import asyncio
import inspect
import json
import re
import sys
from typing import Any

import vllm.platforms
from vllm.platforms.cuda import NonNvmlCudaPlatform
from vllm.platforms.interface import DeviceCapability


class H100(NonNvmlCudaPlatform):
    """Eight of them."""

    @classmethod
    def get_device_capability(cls, device_id: int = 0) -> DeviceCapability:
        return DeviceCapability(9, 0)

    @classmethod
    def has_device_capability(cls, capability: Any, device_id: int = 0) -> bool:
        return True

    @classmethod
    def get_device_name(cls, device_id: int = 0) -> str:
        return "NVIDIA H100 80GB HBM3"

    @classmethod
    def get_device_total_memory(cls, device_id: int = 0) -> int:
        return 79 << 30

    @classmethod
    def device_count(cls) -> int:
        return 8


vllm.platforms._current_platform = H100()

from verl.utils.config import omega_conf_to_dataclass  # noqa: E402
from verl.workers.config import HFModelConfig  # noqa: E402
from verl.workers.rollout.vllm_rollout import vllm_async_server  # noqa: E402
from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: E402
from vllm.usage.usage_lib import UsageContext  # noqa: E402
from vllm.v1.engine.async_llm import AsyncLLM  # noqa: E402

from dgpo.config.compose import compose_config, resolved  # noqa: E402

config = resolved(compose_config(sys.argv[1], sys.argv[2:])).actor_rollout_ref
server: Any = object.__new__(vllm_async_server.vLLMHttpServer)
server.config = omega_conf_to_dataclass(config.rollout)
server.model_config = omega_conf_to_dataclass(config.model, dataclass_type=HFModelConfig)
server._validate_configs()
server.node_rank = server.replica_rank = 0
server.nnodes = server.gpus_per_node = 1
server._disaggregation_role, server.workers = "null", [None]
server._should_profile = lambda: False


async def keep(arguments: Any) -> None:
    server.arguments = arguments


server.run_server = keep
asyncio.run(server.launch_server())
engine = AsyncEngineArgs.from_cli_args(server.arguments).create_engine_config(UsageContext.OPENAI_API_SERVER)
used = set(re.findall(r"self\.engine\.(\w+)", inspect.getsource(vllm_async_server)))
has = {*dir(AsyncLLM), *re.findall(r"self\.(\w+)\b[^=\n]*= ", inspect.getsource(AsyncLLM.__init__))}
print(
    json.dumps(
        {
            "max_model_len": engine.model_config.max_model_len,
            "max_num_seqs": engine.scheduler_config.max_num_seqs,
            "tensor_model_parallel_size": engine.parallel_config.tensor_parallel_size,
            "gpu_memory_utilization": engine.cache_config.gpu_memory_utilization,
            "logprobs_mode": engine.model_config.logprobs_mode,
            "enable_sleep_mode": engine.model_config.enable_sleep_mode,
            "enforce_eager": engine.model_config.enforce_eager,
            "missing": sorted(used - has),
        }
    )
)
