"""SimNPO: NPO without a reference, its log-likelihood normalised by length (arXiv 2410.07163)."""

from dataclasses import dataclass

from torch import Tensor

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens, preference


@dataclass(frozen=True, kw_only=True)
class SimNPO(Method):
    """-(2/β) γ mean over answers of log σ(β (mean ℓ - δ)), the inner mean over an answer's tokens.

    Attributes:
        beta, delta: β and the margin δ.
        forget_weight: γ.
    """

    beta: float = 4.5
    delta: float = 0.0
    forget_weight: float = 0.125

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": preference(tokens.means(values, *ANSWER) - self.delta, self.beta, tokens.counts)}
