"""NPO, negative preference optimisation (arXiv 2404.05868)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dgpo.unlearning.losses.base import ANSWER, Method, Tokens, preference


@dataclass(frozen=True, kw_only=True)
class NPO(Method):
    """-(2/β) mean over answers of log σ(β (Σℓ - Σℓ_ref)), the sums over an answer's tokens.

    Attributes:
        beta: β; towards 0 it becomes gradient ascent.
    """

    beta: float = 0.1
    needs_reference: ClassVar[bool] = True

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": preference(tokens.sums(values, *ANSWER), self.beta, tokens.counts)}
