"""GPPO: gradient-preserving clipping (arXiv:2508.07629)."""

import math
from dataclasses import dataclass

import torch

from dgpo.losses.base import Method, MethodConfig


@dataclass(frozen=True, kw_only=True)
class GPPOConfig(MethodConfig):
    """Hyper-parameters of GPPO: the clip range. The paper's is ε_low 0.2 and ε_high 0.28."""


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
) -> torch.Tensor:
    """log F of GPPO, `(B, T)`: F = max(r, lo) for A < 0 and min(r, hi) for A > 0.

    Continuous; clipped tokens keep the boundary's gradient. W in LN is lo/π_θ, which diverges as π_θ → 0.
    """
    del old_log_prob
    left = log_ratio.clamp(min=math.log1p(-clip_ratio_low))
    right = log_ratio.clamp(max=math.log1p(clip_ratio_high))
    return torch.where(advantages < 0, left, torch.where(advantages > 0, right, log_ratio))


GPPO = Method(name="gppo", config=GPPOConfig, log_weight=log_weight)
