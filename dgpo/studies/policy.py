"""Small neural policies, as many as a study has runs, computed together.

A windowed language model: each token depends on the digits of its column, the last three tokens and its place, by an
embedding of each, their sum, and two layers. All parameters of a run are one row, so that an optimiser is one line.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dgpo.studies.facts import BEGIN, COLUMNS, LENGTH, VOCABULARY

HIDDEN = 64
WINDOW = 3
# Rows of the embedding: two digits, the window, the place.
SIZES = (10, 10, *(BEGIN + 1,) * WINDOW, LENGTH)
FIRST_ROWS = torch.tensor([sum(SIZES[:place]) for place in range(len(SIZES))])
SHAPES = ((sum(SIZES), HIDDEN), (HIDDEN, HIDDEN), (1, HIDDEN), (HIDDEN, VOCABULARY), (1, VOCABULARY))
COLUMN_OF = (torch.arange(LENGTH) // 2).clamp(max=COLUMNS - 1)


class Sample(NamedTuple):
    """Sampled answers of R policies to B problems each, and what the policy said of them; all `(R, B, LENGTH)`."""

    tokens: Tensor
    log_prob: Tensor
    entropy: Tensor
    mask: Tensor


def initial(seeds: Sequence[int]) -> Tensor:
    """Random parameters `(R, ...)` of a policy a seed."""
    scales = (0.7, HIDDEN**-0.5, 0.01, 0.5 * HIDDEN**-0.5, 0.01)
    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        parts = [scale * torch.randn(math.prod(shape), generator=generator) for shape, scale in zip(SHAPES, scales)]  # noqa: B905
        rows.append(torch.cat(parts))
    return torch.stack(rows)


def parts(parameters: Tensor) -> list[Tensor]:
    """Views of the parameters `(R, ...)` as the layers' leaves, `(R, *shape)`: they change with `parameters`."""
    sizes = [math.prod(shape) for shape in SHAPES]
    split = parameters.split(sizes, dim=1)
    return [each.unflatten(1, shape).detach().requires_grad_() for each, shape in zip(split, SHAPES, strict=True)]


def contexts(digits: Tensor, tokens: Tensor) -> Tensor:
    """What each token depends on, as rows of the embedding: `(R, B, LENGTH, 6)`.

    From the problems' digits `(R, B, COLUMNS, 2)` and the answers' tokens `(R, B, LENGTH)`.
    """
    padded = F.pad(tokens, (WINDOW, 0), value=BEGIN)
    before = [padded[..., WINDOW - back : WINDOW - back + LENGTH] for back in range(1, WINDOW + 1)]
    place = torch.arange(LENGTH).expand_as(tokens)
    return torch.stack([*digits[:, :, COLUMN_OF].unbind(-1), *before, place], -1) + FIRST_ROWS


def log_probs(layers: Sequence[Tensor], context: Tensor) -> Tensor:
    """log π `(R, N, VOCABULARY)` of the next token in each context `(R, N, 6)`."""
    table, inner, inner_bias, outer, outer_bias = layers
    runs, rows, width = table.shape
    flat = (context + rows * torch.arange(runs).view(runs, 1, 1)).flatten(0, 1)
    summed = F.embedding_bag(flat, table.reshape(runs * rows, width), mode="sum").view(runs, -1, width)
    hidden = F.relu(torch.baddbmm(inner_bias, F.relu(summed), inner))
    return torch.baddbmm(outer_bias, hidden, outer).log_softmax(-1)


def of_tokens(layers: Sequence[Tensor], context: Tensor, tokens: Tensor) -> Tensor:
    """log π of these tokens `(R, B, LENGTH)` in their contexts `(R, B, LENGTH, 6)`."""
    every = log_probs(layers, context.flatten(1, 2)).unflatten(1, tokens.shape[1:])
    return every.gather(-1, tokens[..., None])[..., 0]


@torch.no_grad()
def sample(layers: Sequence[Tensor], digits: Tensor, uniforms: Tensor) -> Sample:
    """An answer to each problem `(R, B, COLUMNS, 2)`, from draws `(R, B, LENGTH)` in [0, 1); it ends with `END`."""
    tokens = torch.full(uniforms.shape, BEGIN)
    log_prob, entropy = torch.zeros(uniforms.shape), torch.zeros(uniforms.shape)
    for place in range(LENGTH):
        every = log_probs(layers, contexts(digits, tokens)[:, :, place])
        policy = every.exp()
        cumulative = policy.cumsum(-1)
        drawn = (cumulative < uniforms[:, :, place, None] * cumulative[..., -1:]).sum(-1).clamp(max=VOCABULARY - 1)
        tokens[:, :, place] = drawn
        log_prob[:, :, place] = every.gather(-1, drawn[..., None])[..., 0]
        entropy[:, :, place] = -(policy * every).sum(-1)
    ended = (tokens == VOCABULARY - 1).long()
    return Sample(tokens, log_prob, entropy, ended.cumsum(-1) - ended == 0)


@torch.no_grad()
def success(layers: Sequence[Tensor], digits: Tensor, right: Tensor) -> Tensor:
    """Probability `(R, B)` of the right answers `(R, B, LENGTH)`: an answer is right in no other way."""
    return of_tokens(layers, contexts(digits, right), right).sum(-1).exp()
