"""Gradient ascent on what is to be forgotten, plain or weighted token by token."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import Method, cross_entropy


@dataclass(frozen=True, kw_only=True)
class GradAscent(Method):
    """-mean ℓ over answer tokens, ℓ = -log p(y): unbounded, so that long training destroys the model.

    Without retain rows it is GradAscent; GradDiff (arXiv 2203.12817) is the same with ``retain_weight`` above 0.
    """

    retain_weight: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return -super().token_values(logits, ref_logits, labels, token_class)


@dataclass(frozen=True, kw_only=True)
class WGA(Method):
    """-mean over answer tokens of p^β₁ (1 - p)^β₂ ℓ, p the true token's probability, without a gradient in the weight.

    WGA (arXiv 2502.19301) has β₂ = 0, SatImp (arXiv 2505.11953) β₁ = 5 and β₂ = 1.

    Attributes:
        beta1, beta2: exponents of saturation and importance.
    """

    beta1: float = 1.0
    beta2: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        loss = cross_entropy(logits, labels)
        probability = (-loss.detach()).exp()
        return -(probability**self.beta1 * (1 - probability) ** self.beta2) * loss
