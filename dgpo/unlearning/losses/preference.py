"""Preference optimisation away from the answers that are to be forgotten: -(2/β) log σ(β · margin)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from dgpo.unlearning.losses.base import ALTERNATIVE, ANSWER, Counts, Method, Tokens, cross_entropy
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST


def preference(margins: Tensor, beta: float, counts: Counts) -> Tensor:
    """The micro-batch's share of -(2/β) mean over answers of log σ(β · margin)."""
    return -2 / beta * F.logsigmoid(beta * margins).sum() / max(1, counts.answers)


@dataclass(frozen=True, kw_only=True)
class NPO(Method):
    """-(2/β) mean over answers of log σ(β (Σℓ - Σℓ_ref)), the sums over an answer's tokens (arXiv 2404.05868).

    Attributes:
        beta: β; towards 0 it becomes gradient ascent.
    """

    beta: float = 0.1
    needs_reference: ClassVar[bool] = True

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": preference(tokens.sums(values, *ANSWER), self.beta, tokens.counts)}


@dataclass(frozen=True, kw_only=True)
class SimNPO(Method):
    """-(2/β) γ mean over answers of log σ(β (mean ℓ - δ)), the inner mean over an answer's tokens.

    NPO without a reference, its log-likelihood normalised by length (arXiv 2410.07163).

    Attributes:
        beta, delta: β and the margin δ.
        forget_weight: γ.
    """

    beta: float = 4.5
    delta: float = 0.0
    forget_weight: float = 0.125

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"forget": preference(tokens.means(values, *ANSWER) - self.delta, self.beta, tokens.counts)}


@dataclass(frozen=True, kw_only=True)
class IdkDPO(Method):
    """-(2/β) mean over pairs of log σ(β [(Σℓ - Σℓ_ref) of the answer - (Σℓ - Σℓ_ref) of the alternative]).

    Direct preference optimisation (arXiv 2305.18290) towards "I do not know", as in TOFU (arXiv 2401.06121).
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


@dataclass(frozen=True, kw_only=True)
class TPO(Method):
    """-(2/β) log σ(β d) + ``preserve_weight`` · Σ_ordinary ℓ, means over answers; d = mean f_y - z_y of span tokens.

    Lower logits on the marked words, cross entropy on the others (arXiv 2506.03142).

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
