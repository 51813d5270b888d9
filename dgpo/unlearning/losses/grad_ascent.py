"""Gradient ascent on the forget rows, and with the retain rows' loss beside it GradDiff (arXiv 2203.12817)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens, cross_entropy


@dataclass(frozen=True, kw_only=True)
class GradAscent(Method):
    """-mean ℓ over answer tokens, ℓ = -log p(y): unbounded, so that long training destroys the model.

    Without retain rows it is GradAscent; GradDiff is the same with ``retain_weight`` above 0.
    """

    retain_weight: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return cross_entropy(logits, labels)

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": -tokens.mean(values, *ANSWER)}
