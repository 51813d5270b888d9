"""Gradient ascent on the forget rows, and with the retain rows' loss beside it GradDiff (arXiv 2203.12817)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import Method


@dataclass(frozen=True, kw_only=True)
class GradAscent(Method):
    """-mean ℓ over answer tokens, ℓ = -log p(y): unbounded, so that long training destroys the model.

    Without retain rows it is GradAscent; GradDiff is the same with ``retain_weight`` above 0.
    """

    retain_weight: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return -super().token_values(logits, ref_logits, labels, token_class)
