"""SAPO: a sigmoid gate in place of the clip (arXiv:2511.20347)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from dgpo.errors import bounded
from dgpo.losses.base import Method, register_method


@register_method
@dataclass(frozen=True, kw_only=True)
class SAPO(Method):
    """F = 4·s·(1 - s)·r with s = sigmoid(τ·(r - 1)); the loss value is the paper's -A·(4/τ)·s, of which F is the slope.

    F is continuous; it knows no boundary, and the clip range only bounds the regions of the metrics.

    Attributes:
        tau_pos: τ > 0 of the gate for A > 0.
        tau_neg: τ > 0 of the gate for A ≤ 0; larger decays faster.
    """

    name = "sapo"
    tau_pos: float = bounded(1.0, above=0.0)
    tau_neg: float = bounded(1.05, above=0.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        # s(1 - s) = e^-x / (1 + e^-x)² with x = |τ(r - 1)|: it never overflows, and it goes to zero with r → ∞.
        x = self._argument(log_ratio, advantages).abs()
        return math.log(4.0) - x + 2.0 * logsigmoid(x) + log_ratio

    def log_value(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        scale = torch.where(advantages > 0, math.log(4.0 / self.tau_pos), math.log(4.0 / self.tau_neg))
        return logsigmoid(self._argument(log_ratio, advantages)) + scale

    def _argument(self, log_ratio: Tensor, advantages: Tensor) -> Tensor:
        """τ·(r - 1), `(B, T)`."""
        return torch.where(advantages > 0, self.tau_pos, self.tau_neg) * log_ratio.clamp(max=20.0).expm1()
