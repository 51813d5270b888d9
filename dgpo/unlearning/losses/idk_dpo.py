"""IdkDPO: direct preference optimisation towards "I do not know" (arXiv 2305.18290, as in TOFU, 2401.06121)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dgpo.unlearning.losses.base import ALTERNATIVE, ANSWER, Method, Tokens, preference


@dataclass(frozen=True, kw_only=True)
class IdkDPO(Method):
    """-(2/β) mean over pairs of log σ(β [(Σℓ - Σℓ_ref) of the answer - (Σℓ - Σℓ_ref) of the alternative]).

    AltPO (arXiv 2409.13474) is the same with alternatives that a model has written: rows with an ``alternative``.

    Attributes:
        beta: β.
    """

    beta: float = 0.1
    needs_reference: ClassVar[bool] = True
    needs_alternatives: ClassVar[bool] = True

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        margin = tokens.sums(values, *ANSWER) - tokens.sums(values, ALTERNATIVE)
        return {"forget": preference(margin, self.beta, tokens.counts)}
