"""The methods that PALU is compared with: ascent, distillation, preferences, a constraint, representations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from dgpo.errors import bounded
from dgpo.unlearning.losses.base import ALTERNATIVE, ANSWER, RETAIN, Counts, Method, Tokens, cross_entropy
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST


@dataclass(frozen=True, kw_only=True)
class GradAscent(Method):
    """-mean ℓ over answer tokens, ℓ = -log p(y): unbounded, so that long training destroys the model.

    GradDiff (arXiv 2203.12817) is the same with ``retain_weight`` above 0.
    """

    retain_weight: float = bounded(0.0, at_least=0)

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return -super().token_values(logits, ref_logits, labels, token_class)


@dataclass(frozen=True, kw_only=True)
class WGA(Method):
    """-mean over answer tokens of p^β₁ (1 - p)^β₂ ℓ, p the true token's probability, without a gradient in the weight.

    WGA (arXiv 2502.19301) has β₂ = 0, SatImp (arXiv 2505.11953) β₁ = 5 and β₂ = 1.

    Attributes:
        beta1, beta2: exponents of saturation and importance.
    """

    beta1: float = bounded(1.0, at_least=0)
    beta2: float = bounded(0.0, at_least=0)

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        loss = cross_entropy(logits, labels)
        probability = (-loss.detach()).exp()
        return -(probability**self.beta1 * (1 - probability) ** self.beta2) * loss


@dataclass(frozen=True, kw_only=True)
class Undial(Method):
    """Mean over answer tokens of CE(softmax(f - β onehot(y)), p_θ), f the logits before (arXiv 2402.10052).

    Attributes:
        beta: β, by how much the true token's logit is lowered.
    """

    retain_weight: float = bounded(0.0, at_least=0)
    beta: float = bounded(10.0, above=0)
    needs_reference: ClassVar[bool] = True

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        lowered = ref_logits.scatter_add(-1, labels[:, None], ref_logits.new_full((len(labels), 1), -self.beta))
        return F.cross_entropy(logits, lowered.softmax(-1), reduction="none")


@dataclass(frozen=True, kw_only=True)
class CEU(Method):
    """Mean of CE(softmax(z with z_y = -∞), p_θ) over all but each answer's first token (arXiv 2503.01224).

    The target is the model's own distribution without the true token, and has no gradient.
    """

    retain_weight: float = bounded(0.0, at_least=0)

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        target = logits.detach().scatter(-1, labels[:, None], -torch.inf).softmax(-1)
        return F.cross_entropy(logits, target, reduction="none")

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        answer = tokens.mask(*ANSWER)
        before = torch.cat([torch.full_like(tokens.answer[:1], -1), torch.where(answer, tokens.answer, -1)[:-1]])
        later = answer & (tokens.answer == before)
        return {"forget": values[later].sum() / max(1, tokens.counts.of(*ANSWER) - tokens.counts.answers)}


def preference(margins: Tensor, beta: float, counts: Counts) -> Tensor:
    """The micro-batch's share of -(2/β) mean over answers of log σ(β · margin)."""
    return -2 / beta * F.logsigmoid(beta * margins).sum() / max(1, counts.answers)


@dataclass(frozen=True, kw_only=True)
class NPO(Method):
    """-(2/β) mean over answers of log σ(β (Σℓ - Σℓ_ref)), the sums over an answer's tokens (arXiv 2404.05868).

    Attributes:
        beta: β; towards 0 it becomes gradient ascent.
    """

    beta: float = bounded(0.1, above=0)
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

    beta: float = bounded(4.5, above=0)
    delta: float = bounded(0.0, at_least=0)
    forget_weight: float = bounded(0.125, at_least=0)

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

    beta: float = bounded(0.1, above=0)
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

    beta: float = bounded(0.3, above=0)
    preserve_weight: float = bounded(1.0, at_least=0)
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


@dataclass(frozen=True, kw_only=True)
class PDU(Method):
    """min mean over answer tokens of (max z - mean z)², subject to CE(retain) ≤ ε, by primal and dual steps.

    The primal step is one on forget + λ · CE(retain), the dual step after it λ ← max(0, λ + η (CE(retain) - ε)), with
    the CE of the step's own batch.

    Attributes:
        retain_weight: λ of the first step.
        retain_limit: ε in nats a token: the CE of the retain rows before, and what may be lost of it.
        dual_step: η; 0 keeps λ.
    """

    retain_weight: float = bounded(5.0, at_least=0)
    retain_limit: float = bounded(0.1, at_least=0)
    dual_step: float = bounded(1.0, at_least=0)

    def check(self, vocabulary: int, layers: int) -> None:
        if not self.retain_weight:
            raise ValueError("retain_weight=0: nothing would be kept; give the weight that the first step has")

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        return (logits.amax(-1) - logits.mean(-1)).square()

    def after(self, terms: Mapping[str, float]) -> "PDU":
        excess = terms["retain"] - self.retain_limit
        return replace(self, retain_weight=max(0.0, self.retain_weight + self.dual_step * excess))

    def adapted(self) -> dict[str, float]:
        return {"retain_weight": self.retain_weight}


@dataclass(frozen=True, kw_only=True)
class RMU(Method):
    """mean |h - c·u|² over forget tokens + ``retain_weight`` · mean |h - h_ref|² over retain tokens, each / H.

    h is the output of a layer at the answer tokens themselves, u a unit vector with entries drawn from [0, 1).

    Attributes:
        layer: counted from 0.
        scale: c.
    """

    layer: int = bounded(7, at_least=0)
    scale: float = bounded(2.0, above=0)
    needs_reference: ClassVar[bool] = True

    @property
    def representation(self) -> int:
        return self.layer

    def check(self, vocabulary: int, layers: int) -> None:
        if not 0 <= self.layer < layers:
            raise ValueError(f"layer={self.layer}: expected 0 to {layers - 1}, one of the model's")

    def hidden_values(self, hidden: Tensor, ref_hidden: Tensor, token_class: Tensor) -> Tensor:
        direction = torch.rand(hidden.shape[-1], generator=torch.Generator().manual_seed(0)).to(hidden)
        target = self.scale * direction / direction.norm()
        is_retain = (token_class == RETAIN)[:, None]
        return (hidden - torch.where(is_retain, ref_hidden.to(hidden), target)).square().mean(-1)


@dataclass(frozen=True, kw_only=True)
class Finetune(Method):
    """CE of the retain rows' answers; no forget rows."""

    classes: ClassVar[tuple[int, ...]] = ()

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {}
