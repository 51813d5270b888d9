"""GPPO: gradient-preserving clipping (arXiv:2508.07629)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class GPPO(Method):
    """F = max(r, lo) for A < 0 and min(r, hi) for A > 0. The paper's range is ε_low 0.2 and ε_high 0.28.

    Continuous; clipped tokens keep the boundary's gradient. W in LN is lo/π_θ, which diverges as π_θ → 0.
    """

    name = "gppo"

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        left, right = log_ratio.clamp(min=log_lo), log_ratio.clamp(max=log_hi)
        return torch.where(advantages < 0, left, torch.where(advantages > 0, right, log_ratio))
