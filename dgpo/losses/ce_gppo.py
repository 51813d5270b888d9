"""CE-GPPO: gradient-preserving clipping with a scale at each boundary (arXiv:2509.20712)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class CEGPPO(Method):
    """F = β1·lo where A < 0 and r < lo, β2·hi where A > 0 and r > hi, r elsewhere.

    F jumps by the factors β1 and β2 at the boundaries: β = 1 is GPPO, β = 0 is PPO without the dual clip.

    Attributes:
        beta1: β1 ≥ 0 scales F at the left boundary. The paper: 0.5 at 1.5B, 0.75 at 7B.
        beta2: β2 ≥ 0 scales F at the right boundary. The paper: 1.
    """

    name = "ce_gppo"
    beta1: float = bounded(0.75, at_least=0.0)
    beta2: float = bounded(1.0, at_least=0.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        at_left = log_lo + (math.log(self.beta1) if self.beta1 > 0 else -math.inf)
        at_right = log_hi + (math.log(self.beta2) if self.beta2 > 0 else -math.inf)
        left = log_ratio.masked_fill(log_ratio < log_lo, at_left)
        right = log_ratio.masked_fill(log_ratio > log_hi, at_right)
        return torch.where(advantages < 0, left, torch.where(advantages > 0, right, log_ratio))
