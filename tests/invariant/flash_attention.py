"""What of flash-attn and NCCL verl's packed and Ulysses passes call, done in torch on a CPU."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from transformers import PreTrainedModel, modeling_flash_attention_utils

called = {"packed": 0, "exchanged": 0}


def flash_attn_func(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    softmax_scale: float | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """Attention of ``(B, T, heads, size)``; a key's head serves several queries' heads."""
    q, k, v = (states.transpose(1, 2) for states in (q, k, v))
    attended = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=softmax_scale, enable_gqa=True)
    return attended.transpose(1, 2)


def flash_attn_varlen_func(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    cu_seqlens_k: torch.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """Attention of ``(tokens, heads, size)`` inside each of the sequences that lie one after the other."""
    assert torch.equal(cu_seqlens_q, cu_seqlens_k)
    lengths = cu_seqlens_q.diff().tolist()
    assert sum(lengths) == len(q) and max(lengths) == max_seqlen_q == max_seqlen_k
    called["packed"] += len(lengths) > 1
    parts = zip(q.split(lengths), k.split(lengths), v.split(lengths), strict=True)
    attended = [flash_attn_func(q[None], k[None], v[None], softmax_scale, causal)[0] for q, k, v in parts]
    return torch.cat(attended)


def all_to_all(
    output: list[torch.Tensor], given: list[torch.Tensor], group: dist.ProcessGroup | None, async_op: bool = False
) -> None:
    """Gloo has none of lists of tensors."""
    assert not async_op
    called["exchanged"] += 1
    rank, size = dist.get_rank(group), dist.get_world_size(group)
    for receiver in range(size):
        theirs = [torch.empty_like(given[0]) for _ in range(size)]
        dist.all_gather(theirs, given[receiver], group=group)
        if receiver == rank:
            for mine, sent in zip(output, theirs, strict=True):
                mine.copy_(sent)


def install() -> None:
    """Let transformers find flash-attn, and Ulysses its exchange."""
    utils = modeling_flash_attention_utils
    functions = (flash_attn_func, flash_attn_varlen_func, None, utils._pad_input, utils._unpad_input)
    utils._lazy_imports = lambda *_, **__: functions
    PreTrainedModel._flash_attn_can_dispatch = lambda *_, **__: True  # pyright: ignore[reportAttributeAccessIssue]
    dist.all_to_all = all_to_all
