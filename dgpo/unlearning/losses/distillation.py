"""Distillation of the answer tokens towards a distribution in which the true token has less or nothing."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens


@dataclass(frozen=True, kw_only=True)
class Undial(Method):
    """Mean over answer tokens of CE(softmax(f - β onehot(y)), p_θ), f the logits before (arXiv 2402.10052).

    Attributes:
        beta: β, by how much the true token's logit is lowered.
    """

    retain_weight: float = 0.0
    beta: float = 10.0
    needs_reference: ClassVar[bool] = True

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        lowered = ref_logits.scatter_add(-1, labels[:, None], ref_logits.new_full((len(labels), 1), -self.beta))
        return F.cross_entropy(logits, lowered.softmax(-1), reduction="none")


@dataclass(frozen=True, kw_only=True)
class CEU(Method):
    """Mean of CE(softmax(z with z_y = -∞), p_θ) over all but each answer's first token (arXiv 2503.01224).

    The target is the model's own distribution without the true token, and has no gradient.
    """

    retain_weight: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        target = logits.detach().scatter(-1, labels[:, None], -torch.inf).softmax(-1)
        return F.cross_entropy(logits, target, reduction="none")

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        answer = tokens.mask(*ANSWER)
        before = torch.cat([torch.full_like(tokens.answer[:1], -1), torch.where(answer, tokens.answer, -1)[:-1]])
        later = answer & (tokens.answer == before)
        return {"forget": values[later].sum() / max(1, tokens.counts.of(*ANSWER) - tokens.counts.answers)}
