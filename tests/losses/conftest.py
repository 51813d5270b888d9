"""Batches that look like training: padded rows, one advantage per sequence, ratios on both sides of the range."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import torch


class Batch(NamedTuple):
    """The tensors of one batch, each `(B, T)`."""

    old_log_prob: torch.Tensor
    log_prob: torch.Tensor
    advantages: torch.Tensor
    response_mask: torch.Tensor

    def rows(self, index: slice | torch.Tensor) -> "Batch":
        """The batch of some sequences, with a leaf of its own for the gradient."""
        old, new, advantages, mask = (tensor[index].clone() for tensor in self)
        return Batch(old, new.detach().requires_grad_(), advantages, mask)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The tensors here are tiny: a second thread only waits for the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    def make(rows: int = 6, width: int = 40, seed: int = 0, spread: float = 0.6) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        old = -3 * torch.rand(rows, width, generator=generator)
        new = old + spread * torch.randn(rows, width, generator=generator)
        advantages = torch.randn(rows, 1, generator=generator).expand(rows, width).clone()
        lengths = torch.randint(1, width + 1, (rows, 1), generator=generator)
        return Batch(old, new.requires_grad_(), advantages, torch.arange(width) < lengths)

    return make
