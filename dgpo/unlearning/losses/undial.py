"""UNDIAL: self-distillation from logits with the true token's lowered (arXiv 2402.10052)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from dgpo.unlearning.losses.base import Method


@dataclass(frozen=True, kw_only=True)
class Undial(Method):
    """Mean over answer tokens of CE(softmax(f - β onehot(y)), p_θ), f the logits of the model before.

    Attributes:
        beta: β, by how much the true token's logit is lowered.
    """

    retain_weight: float = 0.0
    beta: float = 10.0
    needs_reference: ClassVar[bool] = True

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        lowered = ref_logits.scatter_add(-1, labels[:, None], ref_logits.new_full((len(labels), 1), -self.beta))
        return F.cross_entropy(logits, lowered.softmax(-1), reduction="none")
