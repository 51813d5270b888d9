"""An engine for FSDP workers on a CPU, and patches on verl.

Imported in every worker through ``actor_rollout_ref.model.external_lib`` before the process group is made.
Each patch names the verl line that forces it; ``tests/cpu/test_patches.py`` fails when one is no longer needed.
"""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from unittest.mock import patch

import torch
import zmq
from torch.distributed.fsdp import CPUOffloadPolicy
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from verl.utils import distributed, fsdp_utils
from verl.utils.device import get_device_name
from verl.workers import engine_workers
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp import transformer_impl
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead
from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightSender

WEIGHT_SYNC_TIMEOUT_S = 45.0
PROCESS_GROUP_TIMEOUT = timedelta(minutes=10)


def unpinned_offload(pin_memory: bool) -> CPUOffloadPolicy:
    """Offloading without page-locked memory, which needs an accelerator; verl forces it on models not trained."""
    return CPUOffloadPolicy(pin_memory=False)


class UnsyncedFSDP(FSDP):
    """FSDP1 without ``sync_module_states``, which it refuses for a module on a CPU."""

    def __init__(self, module: torch.nn.Module, **kwargs: Any):
        super().__init__(module, **{**kwargs, "sync_module_states": False})


def _copy_from_first_rank(module: torch.nn.Module) -> None:
    """Broadcast the weights from the first rank, which alone has loaded them: the others' are on the meta device."""
    if torch.distributed.get_rank() != 0:
        module.to_empty(device="cpu")
    for tensor in (*module.parameters(), *module.buffers()):
        torch.distributed.broadcast(tensor.data, src=0)


class CPUEngine(FSDPEngineWithLMHead):
    """verl's FSDP engine (strategies ``fsdp`` and ``fsdp2``) on gloo."""

    def _build_fsdp_module(self, module: torch.nn.Module) -> torch.nn.Module:
        if self.engine_config.strategy == "fsdp":  # pyright: ignore[reportAttributeAccessIssue]
            # verl lets FSDP1 broadcast the weights; here they are broadcast before.
            _copy_from_first_rank(module)
            replacement = patch.object(transformer_impl, "FSDP", UnsyncedFSDP)
        else:
            replacement = patch.object(transformer_impl, "CPUOffloadPolicy", unpinned_offload)
        with replacement:
            return super()._build_fsdp_module(module)  # pyright: ignore[reportAttributeAccessIssue]


def leave_on_cpu(model: torch.nn.Module) -> None:
    """``verl.utils.fsdp_utils.load_fsdp_model_to_gpu`` for a CPU: FSDP1's moves to the device "cpu:cpu"."""


def sharded_copy(model: torch.nn.Module) -> tuple[dict[str, tuple[torch.Tensor, Any]], Any]:
    """``verl.utils.fsdp_utils.fsdp2_sharded_save_to_cpu`` for a CPU.

    verl copies by ``.cpu()``, which on a CPU returns the parameter itself: the weights that `separate_async` saves at
    the start of a step would change with every update, and π_old would be π_θ.
    """
    state, spec = _original_save(model)
    return {name: (tensor.clone(), own_spec) for name, (tensor, own_spec) in state.items()}, spec


def log_probs_of_labels(logits: torch.Tensor, labels: torch.Tensor, **for_flash_attn: bool) -> torch.Tensor:
    """``verl.utils.torch_functional.logprobs_from_logits`` for a CPU: log-probs of labels `(N,)` from logits `(N, V)`.

    Without flash-attn verl goes through the first axis row by row, to save memory in a batch of sequences
    (``logprobs_from_logits_v2``). Its FSDP engine passes packed tokens: a row is one token, and a small model's update
    takes half as long again.
    """
    return -torch.nn.functional.cross_entropy(logits, labels, reduction="none")


def init_gloo_process_group(timeout_second: float | None = None, backend: str | None = None) -> None:
    """``verl.utils.distributed.initialize_global_process_group_ray`` for a CPU.

    verl builds the backend string "cpu:gloo,<device>:<backend>", which on a CPU names the device twice
    (``utils/distributed.py``), and torch refuses it.
    """
    _original_init(timeout_second=timeout_second or PROCESS_GROUP_TIMEOUT.total_seconds(), backend="cpu:gloo")


def _bounded_init_socket(self: BucketedWeightSender) -> None:
    """Give the sender's socket a time limit.

    verl waits for vLLM's acknowledgement without a limit (``bucketed_weight_transfer.py``): if the receiver has
    failed, the run hangs forever instead of showing the receiver's error.
    """
    _original_init_socket(self)
    socket = cast(zmq.Socket, self.socket)
    limit_ms = int(WEIGHT_SYNC_TIMEOUT_S * 1000)
    for option in (zmq.RCVTIMEO, zmq.SNDTIMEO):
        socket.setsockopt(option, limit_ms)
    socket.setsockopt(zmq.LINGER, 0)


def _explained(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    async def wrapper(self: BucketedWeightSender, weights: Any) -> None:
        try:
            await send(self, weights)
        except zmq.Again as error:
            raise TimeoutError(
                f"vLLM did not take the new weights within {WEIGHT_SYNC_TIMEOUT_S:.0f} s "
                f"(socket {self.zmq_handle}): its worker has failed or is overloaded. "
                "Its own error stands earlier in the run's log; search it for 'EngineCore'."
            ) from error

    return wrapper


_original_save = fsdp_utils.fsdp2_sharded_save_to_cpu
_original_init = distributed.initialize_global_process_group_ray
_original_init_socket = BucketedWeightSender._init_socket


def apply() -> None:
    """Register the engine and apply the patches, once a process; does nothing on another platform."""
    if get_device_name() != "cpu":
        return
    EngineRegistry.register(model_type="language_model", backend=["fsdp", "fsdp2"], device="cpu")(CPUEngine)
    # Set where the worker looks it up: engine_workers imports it by name.
    engine_workers.initialize_global_process_group_ray = init_gloo_process_group  # pyright: ignore
    transformer_impl.load_fsdp_model_to_gpu = leave_on_cpu  # pyright: ignore
    transformer_impl.logprobs_from_logits = log_probs_of_labels  # pyright: ignore
    fsdp_utils.fsdp2_sharded_save_to_cpu = sharded_copy
    BucketedWeightSender._init_socket = _bounded_init_socket
    BucketedWeightSender.async_send_weights = _explained(BucketedWeightSender.async_send_weights)


apply()
