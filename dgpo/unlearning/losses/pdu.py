"""PDU: flat logits on the whole answer (arXiv 2506.05314)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens


@dataclass(frozen=True, kw_only=True)
class PDU(Method):
    """Mean over answer tokens of (max z - mean z)², beside the retain rows' loss with a fixed weight.

    The paper adapts that weight by a dual step on CE(retain) ≤ ε; here it is ``retain_weight``, to be set.
    """

    retain_weight: float = 5.0

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return (logits.amax(-1) - logits.mean(-1)).square()

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": tokens.mean(values, *ANSWER)}
