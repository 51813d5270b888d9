"""PDU: flat logits on the whole answer, as far as the retain rows allow (arXiv 2506.05314)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from dgpo.unlearning.losses.base import Method


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

    retain_weight: float = 5.0
    retain_limit: float = 0.1
    dual_step: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("retain_limit", "dual_step"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected 0 or more")

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
