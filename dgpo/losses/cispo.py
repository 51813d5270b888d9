"""CISPO: clipped importance-sampling weights with a gradient for every token (arXiv:2506.13585)."""

import math
from dataclasses import dataclass

import torch

from dgpo.losses.base import Method, MethodConfig, check_flag


@dataclass(frozen=True, kw_only=True)
class CISPOConfig(MethodConfig):
    """Hyper-parameters of CISPO.

    Attributes:
        one_sided: true drops the lower bound on F, as MiniMax trains; clip_ratio_low then only bounds the
            regions of the metrics.
    """

    one_sided: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("one_sided", self.one_sided)


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    one_sided: bool,
) -> torch.Tensor:
    """log F of CISPO, `(B, T)`: F = clip(r, lo, hi) for either sign of A, or min(r, hi) when one-sided.

    Continuous. Two-sided, W at π_θ → 0 grows as 1/π_θ; one-sided, W stays 1/π_old.
    """
    del advantages, old_log_prob
    log_lo = None if one_sided else math.log1p(-clip_ratio_low)
    return log_ratio.clamp(log_lo, math.log1p(clip_ratio_high))


CISPO = Method(name="cispo", config=CISPOConfig, log_weight=log_weight)
