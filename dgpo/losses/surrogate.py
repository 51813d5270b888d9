"""The loss and the gradient weight of every method: masking, precision, surrogate and aggregation, once."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dgpo.losses.base import Method, make_method
from dgpo.losses.metrics import token_metrics

MODES = ("token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")
# F is at most e^20, the bound verl puts on the ratio: an uncapped F = r would overflow float32 at r = e^88.
MAX_LOG_WEIGHT = 20.0
# log r and log π_θ stay finite for a probability of zero, so that no method and no metric meets 0·inf.
MAX_LOG_RATIO = 1000.0


def gradient_weight(
    name: str | Method, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor, **given: Any
) -> Tensor:
    """The gradient weight F of a method, in ∇J = E[A · F · ∇log π_θ], float32, detached, at most e^20; W = F/π_θ.

    Args:
        name: a key of `METHODS`, or a `Method` with its hyper-parameters.
        log_ratio, advantages, old_log_prob: d = log π_θ - log π_old, A and log π_old, `(B, T)` or any one shape.
        **given: hyper-parameters that differ from the method's defaults.

    Raises:
        ValueError: an unknown method or hyper-parameter, a value outside its range, shapes that differ.
    """
    method = make_method(name, given)
    check_shapes(log_ratio=log_ratio, advantages=advantages, old_log_prob=old_log_prob)
    with torch.no_grad():
        ratio = log_ratio.float().clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
        return method.log_weight(ratio, advantages.float(), old_log_prob.float()).clamp(max=MAX_LOG_WEIGHT).exp()


def policy_loss(
    name: str | Method,
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    *,
    loss_agg_mode: str = "token-mean",
    rollout_is_weights: Tensor | None = None,
    dp_size: int = 1,
    batch_num_tokens: float | None = None,
    global_batch_size: float | None = None,
    loss_scale_factor: float | None = None,
    **given: Any,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a method, a float32 scalar with the gradient -A·F·(weight of the token), and its `token_metrics`.

    The surrogate per token is -A·F·(1 + log π_θ - sg(log π_θ)): value -A·F and gradient -A·F·∇log π_θ; F is not
    differentiated. (GRPO and SAPO have the value -A·V of their objective, with the same gradient.) It is computed in
    float32 whatever the inputs are. Masked positions may hold anything, inf and NaN too.

    Args:
        name, **given: as in `gradient_weight`.
        old_log_prob, log_prob, advantages: log π_old, log π_θ and A, `(B, T)`; only log_prob gets a gradient.
        response_mask: `(B, T)`, bool or zeros and ones; true on response tokens.
        loss_agg_mode, dp_size, batch_num_tokens, global_batch_size, loss_scale_factor: see `sequence_weights`.
        rollout_is_weights: `(B, T)` factors on the loss that correct for the sampler, or None.

    Raises:
        ValueError: as `gradient_weight` and `sequence_weights`, and for a mask with other values than zeros and ones.
    """
    method = make_method(name, given)
    tokens = dict(old_log_prob=old_log_prob, advantages=advantages, response_mask=response_mask)
    check_shapes(log_prob=log_prob, **tokens, rollout_is_weights=rollout_is_weights)
    if log_prob.dim() != 2:
        raise ValueError(f"log_prob has shape {tuple(log_prob.shape)}; it must be (B, T), sequences by tokens")
    mask = response_mask.bool()
    if response_mask.dtype != torch.bool and not torch.equal(mask.to(response_mask.dtype), response_mask):
        other = response_mask[response_mask != mask][0].item()
        raise ValueError(f"response_mask holds {other!r}; it must hold only 0 and 1")
    info = dict(batch_num_tokens=batch_num_tokens, global_batch_size=global_batch_size)
    weights = sequence_weights(mask, loss_agg_mode, dp_size=dp_size, loss_scale_factor=loss_scale_factor, **info)
    with torch.no_grad():
        old, new, advantage = (masked(tensor, mask) for tensor in (old_log_prob, log_prob, advantages))
        new = new.clamp(min=-MAX_LOG_RATIO)
        ratio = (new - old).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
        log_weight = method.log_weight(ratio, advantage, old).clamp(max=MAX_LOG_WEIGHT)
        factors = -weights if rollout_is_weights is None else -weights * masked(rollout_is_weights, mask)
        scaled = factors * advantage
        gradient = scaled * log_weight.exp()
        log_value = method.log_value(ratio, advantage, old)
        per_token = gradient if log_value is None else scaled * log_value.clamp(max=MAX_LOG_WEIGHT).exp()
        metrics = token_metrics(mask, ratio, advantage, log_weight, new, method)
    return WithGradient.apply(log_prob, per_token.sum(), gradient), metrics


def sequence_weights(
    response_mask: Tensor,
    loss_agg_mode: str,
    *,
    dp_size: int = 1,
    batch_num_tokens: float | None = None,
    global_batch_size: float | None = None,
    loss_scale_factor: float | None = None,
) -> Tensor:
    """The weight of each token's loss, `(B, 1)` float32, equal for all tokens of a sequence: verl's `agg_loss`.

        token-mean                 dp_size / batch_num_tokens
        token-sum                  dp_size
        seq-mean-token-sum         dp_size / global_batch_size
        seq-mean-token-sum-norm    dp_size / (global_batch_size · loss_scale_factor)
        seq-mean-token-mean        dp_size / (global_batch_size · tokens in the sequence)

    A batch or a sequence without a token gives zero where verl divides zero by zero.

    Args:
        response_mask, loss_agg_mode: `(B, T)` bool, and one of `MODES`.
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
    key, count, here = "global_batch_size", global_batch_size, tokens > 0
    if loss_agg_mode == "token-mean":
        key, count, here = "batch_num_tokens", batch_num_tokens, tokens
    if count is None and dp_size != 1:
        raise ValueError(f"{key}=None with dp_size={dp_size!r}; pass the count over all ranks, a number above 0")
    # A Python number as it is: a tensor would have to reach the device.
    weights = weights / (here.sum().clamp(min=1) if count is None else max(count, 1))
    if loss_agg_mode == "seq-mean-token-mean":
        return weights / tokens.clamp(min=1)
    if loss_agg_mode == "seq-mean-token-sum-norm":
        return weights / (loss_scale_factor or max(response_mask.shape[-1], 1))
    return weights


def check_shapes(**tensors: Tensor | None) -> None:
    """Require one shape; ValueError with the name and shape of the first tensor that differs from the first."""
    (first, reference), *others = [(name, tensor) for name, tensor in tensors.items() if tensor is not None]
    for name, tensor in others:
        if tensor.shape != reference.shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, {first} has {tuple(reference.shape)}: want one")


def masked(tensor: Tensor, mask: Tensor) -> Tensor:
    """`tensor` in float32, zero where masked: a product with the mask would let inf and NaN through."""
    return tensor.float().masked_fill(~mask, 0.0)


class WithGradient(torch.autograd.Function):
    """The scalar `loss` with `gradient` `(B, T)` float32 in `log_prob`, the one tensor that autograd keeps."""

    @staticmethod
    def forward(ctx: Any, log_prob: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        ctx.dtype = log_prob.dtype
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        gradient = ctx.saved_tensors[0] * grad_loss
        if ctx.dtype == torch.float16:  # which goes up to 65504, and F to e^20
            gradient = gradient.clamp(-65504.0, 65504.0)
        return gradient.to(ctx.dtype), None, None
