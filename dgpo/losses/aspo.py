"""ASPO: the importance ratio of positive tokens is turned over (arXiv:2510.06062)."""

import math
from dataclasses import dataclass

import torch

from dgpo.losses.base import Method, MethodConfig, check_number


@dataclass(frozen=True, kw_only=True)
class ASPOConfig(MethodConfig):
    """Hyper-parameters of ASPO.

    Attributes:
        clip_ratio_c: soft cap c above 1 on F, whose gradient stays, on 1/r for A > 0 and on r for A < 0.
    """

    clip_ratio_c: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("clip_ratio_c", self.clip_ratio_c, above=1.0)


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    clip_ratio_c: float,
) -> torch.Tensor:
    """log F of ASPO, `(B, T)`.

        A > 0:  F = min(1/r, c),  and 0 where r > hi
        A < 0:  F = min(r, c),    and 0 where r < lo

    F jumps to zero at both boundaries; the cap c is continuous.
    """
    del old_log_prob
    positive = advantages > 0
    exponent = torch.where(positive, -log_ratio, log_ratio).clamp(max=math.log(clip_ratio_c))
    clipped_left = (advantages < 0) & (log_ratio < math.log1p(-clip_ratio_low))
    clipped_right = positive & (log_ratio > math.log1p(clip_ratio_high))
    return exponent.masked_fill_(clipped_left | clipped_right, -math.inf)


ASPO = Method(name="aspo", config=ASPOConfig, log_weight=log_weight, capped_by="clip_ratio_c")
