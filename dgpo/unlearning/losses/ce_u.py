"""CE-U: cross entropy towards the model's own distribution without the true token (arXiv 2503.01224)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens


@dataclass(frozen=True, kw_only=True)
class CEU(Method):
    """Mean of CE(softmax(z with z_y = -∞), p_θ) over all but each answer's first token; no gradient in the target."""

    retain_weight: float = 0.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        target = logits.detach().scatter(-1, labels[:, None], -torch.inf).softmax(-1)
        return F.cross_entropy(logits, target, reduction="none")

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        answer = tokens.mask(*ANSWER)
        before = torch.cat([torch.full_like(tokens.answer[:1], -1), torch.where(answer, tokens.answer, -1)[:-1]])
        later = answer & (tokens.answer == before)
        return {"forget": values[later].sum() / max(1, tokens.counts.of(*ANSWER) - tokens.counts.answers)}
