"""The loss and the gradient weight of every method: masking, precision, surrogate and aggregation, once."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dgpo.losses.aggregate import sequence_weights
from dgpo.losses.base import Method, make_method
from dgpo.losses.metrics import token_metrics

# F is at most e^20, the bound verl puts on the ratio: an uncapped F = r would overflow float32 at r = e^88.
MAX_LOG_WEIGHT = 20.0
# log r and log π_θ stay finite for a probability of zero, so that no method and no metric meets 0·inf.
MAX_LOG_RATIO = 1000.0


def gradient_weight(
    name: str | Method, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor, **given: Any
) -> Tensor:
    """The gradient weight F of a method, in ∇J = E[A · F · ∇log π_θ]; W = F/π_θ.

    Args:
        name: a key of `METHODS`, or a `Method` with its hyper-parameters.
        log_ratio, advantages, old_log_prob: d = log π_θ - log π_old, A and log π_old, `(B, T)` or any one shape.
        **given: hyper-parameters that differ from the method's defaults.

    Returns:
        F, float32, same shape, detached, at most e^20.

    Raises:
        ValueError: an unknown method or hyper-parameter, a value outside its range, shapes that differ.
    """
    method = make_method(name, given) if isinstance(name, str) else name
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
    """The loss of a method, whose gradient in `log_prob` is -A·F·(weight of the token), and its metrics.

    The surrogate per token is -A·F·(1 + log π_θ - sg(log π_θ)): value -A·F and gradient -A·F·∇log π_θ; F is not
    differentiated. (GRPO and SAPO have the value -A·V of their objective, with the same gradient.) It is computed in
    float32 whatever the inputs are. Masked positions may hold anything, inf and NaN too.

    Args:
        name, **given: as in `gradient_weight`.
        old_log_prob, log_prob, advantages: log π_old, log π_θ and A, `(B, T)`; only log_prob gets a gradient.
        response_mask: `(B, T)`, bool or zeros and ones; true on response tokens.
        loss_agg_mode, dp_size, batch_num_tokens, global_batch_size, loss_scale_factor: see `sequence_weights`.
        rollout_is_weights: `(B, T)` factors on the loss that correct for the sampler, or None.

    Returns:
        The loss, a float32 scalar, and the metrics of `token_metrics`, the same keys for every method.

    Raises:
        ValueError: as `gradient_weight` and `sequence_weights`, and for a mask with other values than zeros and ones.
    """
    method = make_method(name, given) if isinstance(name, str) else name
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
        if ctx.dtype == torch.float16:
            limit = torch.finfo(torch.float16).max
            gradient = gradient.clamp(-limit, limit)  # F goes up to e^20, float16 to 65504
        return gradient.to(ctx.dtype), None, None
