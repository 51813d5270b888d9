"""Values of tokens from hidden states, a chunk of tokens at a time: no two full logits tensors are ever there.

The matmul with the head and the loss are computed anew in the backward pass (`torch.utils.checkpoint`), so that memory
depends on the chunk and not on the number of tokens.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from dgpo.unlearning.losses.base import RETAIN, Method, cross_entropy
from dgpo.unlearning.palu import widened

CHUNK = 256
"""Tokens. Some nine tensors of chunk × vocabulary are held at once: 1.4 GB at 152,000 words, in float32."""


def values_of(
    method: Method,
    hidden: Tensor,
    head: Callable[[Tensor], Tensor],
    labels: Tensor,
    token_class: Tensor,
    ref_hidden: Tensor | None = None,
    ref_head: Tensor | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """What `losses.total` takes, `(N,)`: of forget rows by the method, of retain rows their cross entropy.

    Args:
        hidden: `(N, H)`, the states that predict the tokens.
        head: `(n, H)` to logits `(n, V)`.
        labels, token_class: `(N,)`.
        ref_hidden: `(M, H)` of the model before, for the M tokens that are not of retain rows; None for a method
            without a reference.
        ref_head: `(V, H)`.
    """

    def of_retain(hidden: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(widened(head(hidden)), labels)

    def of_forget(hidden: Tensor, labels: Tensor, token_class: Tensor, ref_hidden: Tensor) -> Tensor:
        logits = widened(head(hidden))
        with torch.no_grad():
            before = logits[:, :0] if ref_head is None else widened(F.linear(ref_hidden, ref_head))
        return method.token_values(logits, before, labels, token_class)

    def chunked(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        chunks = zip(*(tensor.split(chunk) for tensor in inputs), strict=True)
        return torch.cat([checkpoint(function, *each, use_reentrant=False) for each in chunks])

    retain, forget = token_class == RETAIN, token_class != RETAIN
    states = hidden[forget]
    before = states if ref_hidden is None else ref_hidden
    values = widened(hidden.new_zeros(len(hidden)))
    values = values.masked_scatter(retain, chunked(of_retain, hidden[retain], labels[retain]).to(values.dtype))
    of_rows = chunked(of_forget, states, labels[forget], token_class[forget], before)
    return values.masked_scatter(forget, of_rows.to(values.dtype))
