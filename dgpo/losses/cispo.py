"""CISPO: clipped importance-sampling weights with a gradient for every token (arXiv:2506.13585)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class CISPO(Method):
    """F = clip(r, lo, hi) for either sign of A, or min(r, hi) when one-sided.

    Continuous. Two-sided, W at π_θ → 0 grows as 1/π_θ; one-sided, W stays 1/π_old.

    Attributes:
        one_sided: true drops the lower bound on F, as MiniMax trains; clip_ratio_low then only bounds the
            regions of the metrics.
    """

    name = "cispo"
    one_sided: bool = False

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_lo, log_hi = self.log_range
        return log_ratio.clamp(None if self.one_sided else log_lo, log_hi)
