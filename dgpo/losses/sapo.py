"""SAPO: a sigmoid gate in place of the clip (arXiv:2511.20347)."""

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid

from dgpo.losses.base import Method, MethodConfig, check_number


@dataclass(frozen=True, kw_only=True)
class SAPOConfig(MethodConfig):
    """Hyper-parameters of SAPO.

    Attributes:
        tau_pos: τ > 0 of the gate for A > 0.
        tau_neg: τ > 0 of the gate for A ≤ 0; larger decays faster.
    """

    tau_pos: float = 1.0
    tau_neg: float = 1.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("tau_pos", self.tau_pos, above=0.0)
        check_number("tau_neg", self.tau_neg, above=0.0)


def log_weight(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    tau_pos: float,
    tau_neg: float,
) -> torch.Tensor:
    """log F of SAPO, `(B, T)`: F = 4·s·(1 - s)·r with s = sigmoid(τ·(r - 1)).

    F is continuous; it knows no boundary, and the clip range only bounds the regions of the metrics.
    """
    del old_log_prob, clip_ratio_low, clip_ratio_high
    argument = _by_sign(advantages, tau_pos, tau_neg).mul_(log_ratio.clamp(max=20.0).expm1_())
    # s(1 - s) = e^-x / (1 + e^-x)² with x = |argument|: it never overflows, and it goes to zero with r → ∞.
    x = argument.abs_()
    return math.log(4.0) - x + 2.0 * logsigmoid(x) + log_ratio


def log_value(
    log_ratio: torch.Tensor,
    advantages: torch.Tensor,
    old_log_prob: torch.Tensor,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
    tau_pos: float,
    tau_neg: float,
) -> torch.Tensor:
    """log V of the loss value -A·V, `(B, T)`: V = (4/τ)·s, the paper's objective, whose derivative is F."""
    del old_log_prob, clip_ratio_low, clip_ratio_high
    argument = _by_sign(advantages, tau_pos, tau_neg).mul_(log_ratio.clamp(max=20.0).expm1_())
    return logsigmoid(argument) + _by_sign(advantages, math.log(4.0 / tau_pos), math.log(4.0 / tau_neg))


def _by_sign(advantages: torch.Tensor, positive: float, otherwise: float) -> torch.Tensor:
    """`positive` where A > 0, else `otherwise`, `(B, T)` float32."""
    return torch.where(advantages > 0, positive, otherwise).to(advantages.dtype)


SAPO = Method(name="sapo", config=SAPOConfig, log_weight=log_weight, log_value=log_value)
