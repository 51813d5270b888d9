"""GRPO's loss: PPO's hard clip with a dual clip (arXiv:2402.03300, arXiv:1707.06347, arXiv:1912.09729)."""

import math
from dataclasses import dataclass

import torch

from dgpo.losses.base import Method, MethodConfig, check_cap


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(MethodConfig):
    """Hyper-parameters of GRPO.

    Attributes:
        clip_ratio_c: the dual clip c above 1: for A < 0 and r > c the gradient is zero. None is PPO without.
    """

    clip_ratio_c: float | None = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_cap("clip_ratio_c", self.clip_ratio_c)


def log_value(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    clip_ratio_c: float | None,
) -> torch.Tensor:
    """log V of the loss value -A·V, `(B, T)`: V = max(r, lo) up to c for A < 0, and min(r, hi) for A > 0."""
    del old_log_prob
    log_cap = math.inf if clip_ratio_c is None else math.log(clip_ratio_c)
    left = log_ratio.clamp(math.log1p(-clip_ratio_low), log_cap)
    right = log_ratio.clamp(max=math.log1p(clip_ratio_high))
    return torch.where(advantages < 0, left, right)


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    clip_ratio_c: float | None,
) -> torch.Tensor:
    """log F of GRPO, `(B, T)`: F = r where V = r, 0 where the clip holds V (LN, HP, and r > c for A < 0)."""
    value = log_value(
        log_ratio,
        advantages,
        old_log_prob,
        clip_ratio_low=clip_ratio_low,
        clip_ratio_high=clip_ratio_high,
        clip_ratio_c=clip_ratio_c,
    )
    return log_ratio.masked_fill(value != log_ratio, -math.inf)


GRPO = Method(name="grpo", config=GRPOConfig, log_weight=log_weight, log_value=log_value, capped_by="clip_ratio_c")
