"""The loss and the gradient weight of every method: masking, precision, surrogate and aggregation, once."""

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from dgpo.losses.aggregate import sequence_weights
from dgpo.losses.base import Method, find_method, hyper_parameters
from dgpo.losses.metrics import Statistics

# F is at most e^20, the bound verl puts on the ratio: an uncapped F = r would overflow float32 at r = e^88.
MAX_LOG_WEIGHT = 20.0
# log r and log π_θ stay finite for a probability of zero, so that no method and no metric meets 0·inf.
MAX_LOG_RATIO = 1000.0
# On a CPU, tokens are taken in blocks that stay in cache, shared out among threads. A batch makes 8 blocks, but none
# so small that the calls outweigh the work, or so large that a block's temporaries outgrow the cache and the batch.
# An accelerator takes all at once.
CPU_BLOCKS = 8
CPU_BLOCK_TOKENS = (1 << 15, 1 << 18)


def gradient_weight(
    name: str, log_ratio: torch.Tensor, advantages: torch.Tensor, old_log_prob: torch.Tensor, **given: Any
) -> torch.Tensor:
    """The gradient weight F of a method, in ∇J = E[A · F · ∇log π_θ]; W = F/π_θ.

    Args:
        name: a key of `METHODS`.
        log_ratio: d = log π_θ - log π_old, `(B, T)` or any one shape.
        advantages: A, same shape.
        old_log_prob: log π_old, same shape.
        **given: hyper-parameters that differ from the method's defaults.

    Returns:
        F, float32, same shape, detached, at most e^20.

    Raises:
        ValueError: an unknown method or hyper-parameter, a value outside its range, shapes that differ.
    """
    method = find_method(name)
    check_shapes(log_ratio=log_ratio, advantages=advantages, old_log_prob=old_log_prob)
    with torch.no_grad():
        log_weight = method.log_weight(
            log_ratio.float().clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO),
            advantages.float(),
            old_log_prob.float(),
            **hyper_parameters(method, given),
        )
        return log_weight.clamp(max=MAX_LOG_WEIGHT).exp()


def policy_loss(
    name: str,
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    *,
    loss_agg_mode: str = "token-mean",
    rollout_is_weights: torch.Tensor | None = None,
    dp_size: int = 1,
    batch_num_tokens: float | None = None,
    global_batch_size: float | None = None,
    loss_scale_factor: float | None = None,
    **given: Any,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss of a method, whose gradient in `log_prob` is -A·F·(weight of the token), and its metrics.

    The surrogate per token is -A·F·(1 + log π_θ - sg(log π_θ)): value -A·F and gradient -A·F·∇log π_θ; F is
    not differentiated. (GRPO and SAPO have the value -A·V of their objective, with the same gradient.) It is
    computed in float32 whatever the inputs are. Masked positions may hold anything, inf and NaN too.

    Args:
        name: a key of `METHODS`.
        old_log_prob: log π_old, `(B, T)`.
        log_prob: log π_θ, `(B, T)`; the only input that gets a gradient.
        advantages: A, `(B, T)`.
        response_mask: `(B, T)`, bool or zeros and ones; true on response tokens.
        loss_agg_mode: one of `aggregate.MODES`.
        rollout_is_weights: `(B, T)` factors on the loss that correct for the sampler, or None.
        dp_size, batch_num_tokens, global_batch_size, loss_scale_factor: see `aggregate.sequence_weights`.
        **given: hyper-parameters that differ from the method's defaults.

    Returns:
        The loss, a float32 scalar, and the metrics of `metrics.Statistics`, the same keys for every method.

    Raises:
        ValueError: an unknown method or hyper-parameter, a value outside its range, shapes that differ, a
            mask with other values than zeros and ones.
    """
    method = find_method(name)
    parameters = hyper_parameters(method, given)
    tensors = dict(old_log_prob=old_log_prob, advantages=advantages, response_mask=response_mask)
    if rollout_is_weights is not None:
        tensors["rollout_is_weights"] = rollout_is_weights
    check_shapes(log_prob=log_prob, **tensors)
    if log_prob.dim() != 2:
        raise ValueError(f"log_prob has shape {tuple(log_prob.shape)}; it must be (B, T), sequences by tokens")
    mask = as_mask(response_mask)
    weights = sequence_weights(
        mask,
        loss_agg_mode,
        dp_size=dp_size,
        batch_num_tokens=batch_num_tokens,
        global_batch_size=global_batch_size,
        loss_scale_factor=loss_scale_factor,
    )
    with torch.no_grad():
        loss, gradient, statistics = _evaluate(
            method, parameters, old_log_prob, log_prob.detach(), advantages, mask, weights, rollout_is_weights
        )
    return _Surrogate.apply(log_prob, loss, gradient), statistics.metrics()


def check_shapes(**tensors: torch.Tensor) -> None:
    """Require one shape.

    Raises:
        ValueError: with the name and shape of the first tensor that differs from the first.
    """
    (first, reference), *others = tensors.items()
    for name, tensor in others:
        if tensor.shape != reference.shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, {first} has {tuple(reference.shape)}: want one")


def as_mask(response_mask: torch.Tensor) -> torch.Tensor:
    """`response_mask` as bool.

    Raises:
        ValueError: it has other values than 0 and 1.
    """
    if response_mask.dtype == torch.bool:
        return response_mask
    mask = response_mask != 0
    if not torch.equal(mask.to(response_mask.dtype), response_mask):
        other = response_mask[(response_mask != 0) & (response_mask != 1)].flatten()[0].item()
        raise ValueError(f"response_mask holds {other!r}; it must hold only 0 and 1")
    return mask


def _evaluate(
    method: Method,
    parameters: dict[str, Any],
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    weights: torch.Tensor,
    rollout_is_weights: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor, Statistics]:
    """The loss, its gradient in log_prob `(B, T)` float32, and the tokens' statistics, without autograd."""
    rows, width = log_prob.shape
    device = log_prob.device
    log_value = method.log_value
    gradient = torch.empty(log_prob.shape, dtype=torch.float32, device=device)

    def evaluate(blocks: list[slice]) -> tuple[torch.Tensor, Statistics]:
        """Fill the rows of `gradient` in `blocks`; their loss and statistics."""
        statistics = Statistics(
            clip_ratio_low=parameters["clip_ratio_low"],
            clip_ratio_high=parameters["clip_ratio_high"],
            cap=parameters[method.capped_by] if method.capped_by else None,
            device=device,
        )
        loss = torch.zeros((), dtype=torch.float64, device=device)
        for block in blocks:
            keep = mask[block]
            bits = keep.int().neg_()
            new = _masked(log_prob[block], bits).clamp_(min=-MAX_LOG_RATIO)
            old = _masked(old_log_prob[block], bits)
            advantage = _masked(advantages[block], bits)
            ratio = (new - old).clamp_(-MAX_LOG_RATIO, MAX_LOG_RATIO)
            log_weight = method.log_weight(ratio, advantage, old, **parameters).clamp_(max=MAX_LOG_WEIGHT)
            weight = log_weight.exp()
            scale = weights[block].neg()
            if rollout_is_weights is not None:
                scale = scale * _masked(rollout_is_weights[block], bits)
            statistics.add(keep, ratio, advantage, log_weight, weight, new)
            scaled = advantage * scale
            torch.mul(scaled, weight, out=gradient[block])
            if log_value is None:
                loss += gradient[block].sum()
            else:
                value = log_value(ratio, advantage, old, **parameters).clamp_(max=MAX_LOG_WEIGHT).exp_()
                loss += value.mul_(scaled).sum()
        return loss, statistics

    step = _rows_per_block(rows, width) if device.type == "cpu" else max(rows, 1)
    blocks = [slice(start, start + step) for start in range(0, rows, step)]
    workers = min(torch.get_num_threads(), len(blocks))
    if device.type != "cpu" or workers < 2:
        loss, statistics = evaluate(blocks)
        return loss.float(), gradient, statistics

    def share(worker: int) -> tuple[torch.Tensor, Statistics]:
        with torch.no_grad():  # a setting of the thread
            return evaluate(blocks[worker::workers])

    (loss, statistics), *others = _threads(workers).map(share, range(workers))
    for other_loss, other in others:
        loss += other_loss
        statistics.merge(other)
    return loss.float(), gradient, statistics


def _rows_per_block(rows: int, width: int) -> int:
    smallest, largest = CPU_BLOCK_TOKENS
    tokens = min(max(rows * width // CPU_BLOCKS, smallest), largest)
    return max(tokens // max(width, 1), 1)


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    """Threads for the blocks of a batch: torch lets go of the interpreter, and a block is too small to split."""
    return ThreadPoolExecutor(count, thread_name_prefix="policy-loss")


def _masked(tensor: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """`tensor` in float32, zero where `bits` is 0 and unchanged where it is -1 (all ones).

    A product with the mask would let inf and NaN through; `and` on the bit pattern does not, at a fifth of
    the time of torch.where on a CPU.
    """
    return (tensor.float().view(torch.int32) & bits).view(torch.float32)


class _Surrogate(torch.autograd.Function):
    """A scalar whose gradient in `log_prob` was computed with its value, so autograd keeps one tensor."""

    @staticmethod
    def forward(ctx: Any, log_prob: torch.Tensor, loss: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gradient)
        ctx.dtype = log_prob.dtype
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_loss: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        gradient = gradient * grad_loss
        if ctx.dtype == torch.float16:
            limit = torch.finfo(torch.float16).max
            gradient = gradient.clamp_(-limit, limit)  # F goes up to e^20, float16 to 65504
        return gradient.to(ctx.dtype), None, None
