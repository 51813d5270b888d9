"""MASPO: a Gaussian soft trust region, wider for rare tokens (arXiv:2602.17550)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method

# The authors' code clamps the mass term σ_base·π_old^(-α) and the risk factor 1 + β|A|; so do we.
MAX_MASS = 10.0
MAX_RISK = 10.0


@register_method
@dataclass(frozen=True, kw_only=True)
class MASPO(Method):
    """A Gaussian factor on r where the ratio moves away from 1:

        F = r · exp(-(r - 1)² / (2σ²))      where (A > 0, r > 1) or (A < 0, r < 1);  F = r elsewhere
        σ = σ_base · π_old^(-α) · (1 + βA)  for A > 0,   σ_base · π_old^(-α) / (1 - βA)  for A < 0

    The mass term σ_base·π_old^(-α) is at most 10, the risk factor within [0.1, 10], as in the authors' code.
    F is continuous; it knows no boundary, and the clip range only bounds the regions of the metrics.

    Attributes:
        sigma_base: σ_base in (0, 10], width of the region in r - 1 for a token with π_old = 1 and A → 0.
        alpha: α ≥ 0, how much wider the region is for rare tokens. The paper: 0.5 at 1.5B, 0.3 from 7B.
        beta: β ≥ 0, how much wider for A > 0 and narrower for A < 0. The paper: 0.03.
        clip_ratio_c: optional cap on F for A < 0, above 1; None, the published form, has no cap.
    """

    name = "maspo"
    sigma_base: float = bounded(1.0, above=0.0, at_most=MAX_MASS)
    alpha: float = bounded(0.3, at_least=0.0)
    beta: float = bounded(0.03, at_least=0.0)
    clip_ratio_c: float | None = bounded(None, above=1.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        log_base = math.log(self.sigma_base)
        log_mass = (log_base - self.alpha * old_log_prob).clamp(log_base, math.log(MAX_MASS))
        log_risk = torch.log1p(self.beta * advantages.abs()).clamp(max=math.log(MAX_RISK))
        log_sigma = log_mass + advantages.sign() * log_risk
        # expm1 keeps r - 1 exact near r = 1; e^20 is where F is bounded anyway, and its square fits float32.
        penalty = 0.5 * (log_ratio.clamp(max=20.0).expm1() * (-log_sigma).exp()).square()
        exponent = torch.where(advantages * log_ratio > 0, log_ratio - penalty, log_ratio)
        return torch.where(advantages < 0, exponent.clamp(max=self.log_cap), exponent)
