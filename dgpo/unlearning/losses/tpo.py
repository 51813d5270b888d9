"""TPO, targeted preference optimisation (arXiv 2506.03142): lower logits on the marked words, CE on the others."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dgpo.unlearning.losses.base import Method, Tokens, cross_entropy, preference
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST


@dataclass(frozen=True, kw_only=True)
class TPO(Method):
    """-(2/β) log σ(β d) + ``preserve_weight`` · Σ_ordinary ℓ, means over answers; d = mean f_y - z_y of span tokens.

    f is the model before; the released code puts -10⁴ in its place, which makes log σ linear and β without effect. The
    mean over answers stands outside of log σ, where the code has it inside and so depends on the micro-batch.

    Attributes:
        beta: β; the paper's .32, .32 and .23 for TOFU's forget01, 05 and 10.
        preserve_weight: of the ordinary tokens' cross entropy.
    """

    beta: float = 0.3
    preserve_weight: float = 1.0
    needs_reference: ClassVar[bool] = True
    needs_spans: ClassVar[bool] = True

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        lowered = (ref_logits - logits).gather(-1, labels[:, None]).squeeze(-1)
        return lowered.where(token_class != ORDINARY, cross_entropy(logits, labels))

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        spans = tokens.sums(values.new_ones(len(values)), PREFIX, REST) > 0
        lowered = tokens.means(values, PREFIX, REST)[spans]
        return {
            "forget": preference(lowered, self.beta, tokens.counts),
            "preserve": tokens.sums(values, ORDINARY).sum() / max(1, tokens.counts.answers),
        }
