"""GRPO's loss: PPO's hard clip with a dual clip (arXiv:2402.03300, arXiv:1707.06347, arXiv:1912.09729)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class GRPO(Method):
    """The loss value is -A·V with V = max(r, lo) up to c for A < 0, and min(r, hi) for A > 0.

    F = r where V = r, and 0 where the clip holds V: in LN, in HP, and where A < 0 and r > c.

    Attributes:
        clip_ratio_c: the dual clip c above 1: for A < 0 and r > c the gradient is zero. None is PPO without.
    """

    name = "grpo"
    clip_ratio_c: float | None = bounded(3.0, above=1.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        return log_ratio.masked_fill(self.log_value(log_ratio, advantages, old_log_prob) != log_ratio, -math.inf)

    def log_value(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        return torch.where(advantages < 0, log_ratio.clamp(log_lo, self.log_cap), log_ratio.clamp(max=log_hi))
