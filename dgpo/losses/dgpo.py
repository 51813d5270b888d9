"""DGPO: decoupled gradient policy optimisation (arXiv:2603.14389)."""

import math
from dataclasses import dataclass

import torch

from dgpo.losses.base import Method, MethodConfig, check_cap, check_positive_int


@dataclass(frozen=True, kw_only=True)
class DGPOConfig(MethodConfig):
    """Hyper-parameters of DGPO.

    Attributes:
        n: power of the decay at the left boundary, where W is proportional to π^n; at least 1. A larger n
            decays faster and loses entropy more slowly.
        m: root of the decay at the right boundary, where W is proportional to π^(-1/m); at least 1. A larger
            m decays more slowly and explores more; m = 1 is GPPO's right side.
        clip_ratio_c: optional cap on F for A < 0, above 1; None, the published form, has no cap.
    """

    n: int = 1
    m: int = 2
    clip_ratio_c: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("n", self.n)
        check_positive_int("m", self.m)
        check_cap("clip_ratio_c", self.clip_ratio_c)


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    n: int,
    m: int,
    clip_ratio_c: float | None,
) -> torch.Tensor:
    """log F of DGPO, `(B, T)`.

    With lo = 1 - ε_low, hi = 1 + ε_high and r = π_θ/π_old:

        F = r^(n+1) / lo^n            where A < 0 and r < lo
        F = r^(1-1/m) · hi^(1/m)      where A > 0 and r > hi
        F = min(r, c)                 where A < 0 and clip_ratio_c = c is given
        F = r                         elsewhere

    F is continuous at both boundaries for every n and m, and W = F/π_θ vanishes with π_θ at the left one.
    """
    del old_log_prob
    log_lo, log_hi = math.log1p(-clip_ratio_low), math.log1p(clip_ratio_high)
    # log F = d + n·min(d - log lo, 0)·[A < 0] - (1/m)·max(d - log hi, 0)·[A > 0]: both bends are zero at their
    # boundary. The sign is multiplied in, which on a CPU takes a third of the time of torch.where.
    sign = advantages.sign()
    exponent = torch.addcmul(log_ratio, (log_ratio - log_lo).clamp_(max=0.0), sign.clamp(max=0.0), value=-n).addcmul_(
        (log_ratio - log_hi).clamp_(min=0.0), sign.clamp_(min=0.0), value=-1.0 / m
    )
    if clip_ratio_c is None:
        return exponent
    return torch.where(advantages < 0, exponent.clamp(max=math.log(clip_ratio_c)), exponent)


DGPO = Method(name="dgpo", config=DGPOConfig, log_weight=log_weight, capped_by="clip_ratio_c")
