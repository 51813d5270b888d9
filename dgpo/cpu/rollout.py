"""verl's extension of the vLLM worker, for vLLM's CPU build.

Chosen by ``actor_rollout_ref.rollout.engine_kwargs.vllm.worker_extension_cls``.
"""

from typing import Any

from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension
from vllm.model_executor.layers import utils as layer_utils
from vllm.platforms import current_platform

_original_dispatch = layer_utils.dispatch_cpu_unquantized_gemm


def dispatch_keeping_weight(layer: Any, remove_weight: bool) -> None:
    """vLLM's choice of a matrix product for ``layer``, with the original weight kept.

    vLLM packs each linear weight for its CPU kernels and drops the original
    (``vllm/model_executor/layers/utils.py``, ``remove_weight=True``), so there is nothing left to load new
    weights into. verl packs again after each sync; keeping the original costs one copy of the linear weights.
    """
    _original_dispatch(layer, remove_weight=False)


class CPUWorkerExtension(vLLMColocateWorkerExtension):
    """Weight updates that survive weight packing."""

    def __new__(cls, **kwargs: Any) -> "CPUWorkerExtension":
        if current_platform.is_cpu():
            layer_utils.dispatch_cpu_unquantized_gemm = dispatch_keeping_weight
        return super().__new__(cls, **kwargs)
