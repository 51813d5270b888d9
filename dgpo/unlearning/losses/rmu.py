"""RMU: representations of what is to be forgotten drawn to a random direction (arXiv 2403.03218)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgpo.unlearning.losses.base import RETAIN, Method


@dataclass(frozen=True, kw_only=True)
class RMU(Method):
    """mean |h - c·u|² over forget tokens + ``retain_weight`` · mean |h - h_ref|² over retain tokens, each / H.

    h is the output of a layer at the answer tokens themselves, u a unit vector with entries drawn from [0, 1).

    Attributes:
        layer: counted from 0.
        scale: c.
    """

    layer: int = 7
    scale: float = 2.0
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

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        raise NotImplementedError("RMU reads no logits")
