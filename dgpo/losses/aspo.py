"""ASPO: the importance ratio of positive tokens is turned over (arXiv:2510.06062)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class ASPO(Method):
    """Two sides, which jump to zero at their boundaries; the cap c is continuous:

        A > 0:  F = min(1/r, c),  and 0 where r > hi
        A < 0:  F = min(r, c),    and 0 where r < lo

    Attributes:
        clip_ratio_c: soft cap c above 1 on F, whose gradient stays, on 1/r for A > 0 and on r for A < 0.
    """

    name = "aspo"
    clip_ratio_c: float = bounded(3.0, above=1.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        positive = advantages > 0
        exponent = torch.where(positive, -log_ratio, log_ratio).clamp(max=math.log(self.clip_ratio_c))
        clipped = torch.where(positive, log_ratio > log_hi, (advantages < 0) & (log_ratio < log_lo))
        return exponent.masked_fill(clipped, -math.inf)
