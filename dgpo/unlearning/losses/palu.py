"""PALU (arXiv 2601.03190): flat logits on the first tokens of each sensitive span, the old distribution elsewhere."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dgpo.errors import bounded
from dgpo.unlearning.losses.base import Method, Tokens
from dgpo.unlearning.palu import ORDINARY, PREFIX, Direction, Target, check_choices, divergence, flatness


@dataclass(frozen=True, kw_only=True)
class Palu(Method):
    """flatten + ``preserve_weight`` · preserve + ``retain_weight`` · CE; the terms are `palu_terms`'.

    Attributes:
        first_n: N, tokens of each span that are flattened; None for whole spans.
        top_k: K, logits of each that are.
        target, kl_direction: as in `palu_terms`.
        preserve_weight: of the KL divergence on ordinary tokens.
    """

    first_n: int | None = bounded(3, at_least=1)
    top_k: int = bounded(50, at_least=1)
    target: Target = "local_mean"
    kl_direction: Direction = "ref||theta"
    preserve_weight: float = bounded(1.0, at_least=0)
    needs_reference: ClassVar[bool] = True
    needs_spans: ClassVar[bool] = True
    classes: ClassVar[tuple[int, ...]] = (PREFIX, ORDINARY)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices(self.target, self.kl_direction)
        if self.target == "local_mean" and self.top_k == 1:
            raise ValueError("top_k=1: one logit is its own mean, so that local_mean forgets nothing; take 2 or more")

    def check(self, vocabulary: int, layers: int) -> None:
        if not 1 <= self.top_k <= vocabulary:
            raise ValueError(f"top_k={self.top_k}: expected 1 to the model's vocabulary of {vocabulary}")

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        prefix, ordinary = token_class == PREFIX, token_class == ORDINARY
        values = logits.new_zeros(len(logits))
        values = values.masked_scatter(prefix, flatness(logits[prefix], ref_logits[prefix], self.top_k, self.target))
        return values.masked_scatter(ordinary, divergence(logits[ordinary], ref_logits[ordinary], self.kl_direction))

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {"flatten": tokens.mean(values, PREFIX), "preserve": tokens.mean(values, ORDINARY)}
