"""A sequence policy in a table, over many seeds at once: what n and m of DGPO do to entropy, by exact gradients.

`LENGTH` positions of `TOKENS` tokens, each position with logits of its own. At `CRITICAL` of them one token is right,
and rare at first; the others are free, and no token there matters. An answer is right where its critical positions
are. A step draws `UPDATES` groups of `GROUP` answers, and takes an Adam step on the logits for each. What learning
costs is the entropy of the free positions, once a share of the answers is right.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from dgpo.losses import Method, gradient_weight

LENGTH, TOKENS, CRITICAL = 8, 8, 2
GROUP, UPDATES = 8, 16
RARE = 0.03
"""Probability of a right token at first."""
RATE = 0.2
REACHED = 0.8
"""Share of right answers at which methods are compared."""
MOST_STEPS = 30


def free_entropy(method: Method, seeds: Sequence[int], rare: float = RARE) -> tuple[np.ndarray, np.ndarray]:
    """When `REACHED` is reached, in steps, and the entropy (nats) of the free positions then; `(S,)`, NaN if never.

    Seeds are of the policy at first and of the draws, the same for every method.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(*shape: int) -> torch.Tensor:
        return torch.stack([torch.rand(*shape, generator=each) for each in generators])

    policy = draw(LENGTH, TOKENS) + 0.3
    policy[:, :CRITICAL, 0] = 0
    policy /= policy.sum(-1, keepdim=True)
    policy[:, :CRITICAL] *= 1 - rare
    policy[:, :CRITICAL, 0] = rare
    logits = policy.log()
    moments, updates = (torch.zeros_like(logits), torch.zeros_like(logits)), 0
    success, entropy = [], []
    for _ in range(MOST_STEPS + 1):
        log_prob = logits.log_softmax(-1)
        policy = log_prob.exp()
        success.append(policy[:, :CRITICAL, 0].prod(-1))
        entropy.append(-(policy * log_prob).sum(-1)[:, CRITICAL:].mean(-1))
        if (success[-1] >= REACHED).all():
            break
        drawn = draw(UPDATES * GROUP, LENGTH, 1)
        # (S, answers, LENGTH): the first token whose cumulative probability exceeds the draw.
        tokens = (policy.cumsum(-1)[:, None] < drawn).sum(-1).clamp(max=TOKENS - 1)
        old = log_prob[:, None].expand(-1, len(drawn[0]), -1, -1).gather(-1, tokens[..., None])[..., 0]
        right = (tokens[:, :, :CRITICAL] == 0).all(-1).float().unflatten(1, (UPDATES, GROUP))
        advantages = (right - right.mean(-1, keepdim=True)) / (right.std(-1, keepdim=True) + 1e-6)
        for update in range(UPDATES):
            rows = slice(update * GROUP, (update + 1) * GROUP)
            gradient = logits_gradient(method, logits, tokens[:, rows], old[:, rows], advantages[:, update])
            updates += 1
            logits = logits + RATE * adam(gradient, moments, updates)
    return crossings(torch.stack(success).numpy(), torch.stack(entropy).numpy())


def logits_gradient(
    method: Method, logits: torch.Tensor, tokens: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor
) -> torch.Tensor:
    """Mean of A·F·(e_token − π) over a group's tokens, `(S, LENGTH, TOKENS)`, with its norm clipped to 1."""
    log_prob = logits.log_softmax(-1)
    ratio = log_prob[:, None].expand(-1, GROUP, -1, -1).gather(-1, tokens[..., None])[..., 0] - old
    each = advantages[..., None].expand_as(ratio)
    pull = each * gradient_weight(method, ratio, each, old) / (GROUP * LENGTH)
    gradient = torch.zeros_like(logits).scatter_add_(2, tokens.transpose(1, 2), pull.transpose(1, 2))
    gradient -= pull.sum(1)[..., None] * log_prob.exp()
    norm = gradient.flatten(1).norm(dim=1)
    return gradient * (1 / norm.clamp(min=1.0))[:, None, None]


def adam(gradient: torch.Tensor, moments: tuple[torch.Tensor, torch.Tensor], updates: int) -> torch.Tensor:
    """The step of Adam (0.9, 0.999) for a rate of 1; `moments` are updated. Where ε stands tells in the figures."""
    first, second = moments
    first.lerp_(gradient, 0.1)
    second.lerp_(gradient.square(), 0.001)
    scale = math.sqrt(1 - 0.999**updates) / (1 - 0.9**updates)
    return scale * first / (second.sqrt() + 1e-8)


def reached(curve: np.ndarray, level: float, values: np.ndarray) -> float:
    """`values` `(steps,)` where `curve` first reaches `level`, between two steps by a line; NaN where it never does."""
    after = int(np.argmax(curve >= level))
    if not after or curve[after] < level:
        return np.nan
    part = (level - curve[after - 1]) / (curve[after] - curve[after - 1])
    return values[after - 1] + part * (values[after] - values[after - 1])


def crossings(success: np.ndarray, entropy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step and entropy `(S,)` where `success` `(steps, S)` first reaches `REACHED`."""
    number = np.arange(len(success))
    sides = zip(success.T, entropy.T, strict=True)
    crossing = np.array([[reached(shares, REACHED, values) for values in (number, nats)] for shares, nats in sides])
    return crossing[:, 0], crossing[:, 1]
