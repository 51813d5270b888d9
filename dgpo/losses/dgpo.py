"""DGPO: decoupled gradient policy optimisation (arXiv:2603.14389)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class DGPO(Method):
    """With lo = 1 - ε_low, hi = 1 + ε_high and r = π_θ/π_old:

        F = r^(n+1) / lo^n            where A < 0 and r < lo
        F = r^(1-1/m) · hi^(1/m)      where A > 0 and r > hi
        F = min(r, c)                 where A < 0 and clip_ratio_c = c is given
        F = r                         elsewhere

    F is continuous at both boundaries for every n and m, and W = F/π_θ vanishes with π_θ at the left one.

    Attributes:
        n: power of the decay at the left boundary, where W is proportional to π^n; at least 1. A larger n
            decays faster and loses entropy more slowly.
        m: root of the decay at the right boundary, where W is proportional to π^(-1/m); at least 1. A larger
            m decays more slowly and explores more; m = 1 is GPPO's right side.
        clip_ratio_c: optional cap on F for A < 0, above 1; None, the published form, has no cap.
    """

    name = "dgpo"
    n: int = bounded(1, at_least=1)
    m: int = bounded(2, at_least=1)
    clip_ratio_c: float | None = bounded(None, above=1.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        # Both bends are zero at their boundary.
        left = log_ratio + self.n * (log_ratio - log_lo).clamp(max=0.0)
        right = log_ratio - (log_ratio - log_hi).clamp(min=0.0) / self.m
        return torch.where(advantages < 0, left.clamp(max=self.log_cap), torch.where(advantages > 0, right, log_ratio))
