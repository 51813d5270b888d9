"""Gradient ascent weighted by the model's own certainty: WGA (arXiv 2502.19301), SatImp (arXiv 2505.11953)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import Method, cross_entropy


@dataclass(frozen=True, kw_only=True)
class WGA(Method):
    """-mean over answer tokens of p^β₁ (1 - p)^β₂ ℓ, p the true token's probability, without a gradient in the weight.

    WGA has β₂ = 0, SatImp β₁ = 5 and β₂ = 1.

    Attributes:
        beta1, beta2: exponents of saturation and importance.
    """

    beta1: float = 1.0
    beta2: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        loss = cross_entropy(logits, labels)
        probability = (-loss.detach()).exp()
        return -(probability**self.beta1 * (1 - probability) ** self.beta2) * loss
