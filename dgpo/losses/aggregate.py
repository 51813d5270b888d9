"""From a loss per token to one scalar: the five modes of verl's `agg_loss`, as one weight per sequence.

All are linear, loss = Σ_b w_b Σ_t mask_bt · loss_bt, so the weights w are all that the loss and its gradient need.
"""

import torch
from torch import Tensor

MODES = ("token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")


def sequence_weights(
    response_mask: Tensor,
    loss_agg_mode: str,
    *,
    dp_size: int = 1,
    batch_num_tokens: float | None = None,
    global_batch_size: float | None = None,
    loss_scale_factor: float | None = None,
) -> Tensor:
    """The weight of each token's loss, `(B, 1)` float32, equal for all tokens of a sequence.

        token-mean                 dp_size / batch_num_tokens
        token-sum                  dp_size
        seq-mean-token-sum         dp_size / global_batch_size
        seq-mean-token-sum-norm    dp_size / (global_batch_size · loss_scale_factor)
        seq-mean-token-mean        dp_size / (global_batch_size · tokens in the sequence)

    A batch or a sequence without a token gives zero where verl divides zero by zero.

    Args:
        response_mask: `(B, T)` bool.
        loss_agg_mode: one of `MODES`.
        dp_size: data-parallel ranks; gradients are averaged over ranks afterwards, hence the factor.
        batch_num_tokens: response tokens in the whole mini-batch on all ranks; None counts this batch.
        global_batch_size: sequences in the whole mini-batch; None counts this batch's non-empty sequences.
        loss_scale_factor: divisor of seq-mean-token-sum-norm; None takes T.

    Raises:
        ValueError: an unknown mode, or more than one rank without the global count the mode needs.
    """
    if loss_agg_mode not in MODES:
        raise ValueError(f"loss_agg_mode={loss_agg_mode!r} must be one of {', '.join(MODES)}")
    tokens = response_mask.count_nonzero(dim=-1).unsqueeze(-1)
    weights = torch.full_like(tokens, dp_size, dtype=torch.float32)
    if loss_agg_mode == "token-sum":
        return weights
    by_token = loss_agg_mode == "token-mean"
    key, count = ("batch_num_tokens", batch_num_tokens) if by_token else ("global_batch_size", global_batch_size)
    if count is not None:
        weights = weights / max(count, 1)  # a Python number: a tensor would have to reach the device
    elif dp_size == 1:
        weights = weights / (tokens if by_token else tokens > 0).sum().clamp(min=1)
    else:
        raise ValueError(f"{key}=None with dp_size={dp_size!r}; pass the count over all ranks, a number above 0")
    if loss_agg_mode == "seq-mean-token-mean":
        return weights / tokens.clamp(min=1)
    if loss_agg_mode == "seq-mean-token-sum-norm":
        return weights / max(loss_scale_factor or response_mask.shape[-1], 1)
    return weights
