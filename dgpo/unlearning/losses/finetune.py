"""Plain fine-tuning on the retain rows: how a target model and the retain model that it is judged by are made."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dgpo.unlearning.losses.base import Method, Tokens


@dataclass(frozen=True, kw_only=True)
class Finetune(Method):
    """CE of the retain rows' answers; no forget rows."""

    classes: ClassVar[tuple[int, ...]] = ()

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        return {}
