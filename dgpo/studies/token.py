"""One token of a softmax, exactly: a batch is drawn once, the policy moves through its updates.

Two of them: a wrong token that vanishes (A < 0, the left boundary), and a rare right one that grows (A > 0, the right
boundary). An update of one token's logits z by the gradient weight F of a method is

    z ← z + η · A · F(d, A) · (e_token − π),      d = log π − log π_old

so that W = F/π, the weight on ∇π, is 1/π times a gradient whose norm in the logits is at most √2·F.
"""

from dataclasses import dataclass

import numpy as np
import torch

from dgpo.losses import Method, gradient_weight

OTHERS = torch.tensor([8.0, 4, 2, 1, 1, 1, 1], dtype=torch.float64)
"""The other tokens' shares of what this one leaves."""
UPDATES = 128


@dataclass(frozen=True, kw_only=True)
class Start:
    """A token as the batch begins: its probability, its advantage, and the step η on the logits."""

    probability: float
    advantage: float
    step: float


LEFT = Start(probability=0.05, advantage=-1.0, step=0.2)
RIGHT = Start(probability=0.01, advantage=1.0, step=0.1)


@dataclass(frozen=True)
class Path:
    """After 0, 1, ... updates, each `(UPDATES + 1,)`: log r, F, W, norm of the gradient in the logits, entropy."""

    log_ratio: np.ndarray
    weight: np.ndarray
    w: np.ndarray
    gradient: np.ndarray
    entropy: np.ndarray


def follow(method: Method, starts: list[Start], updates: int = UPDATES) -> list[Path]:
    """The path of each token under `method`."""
    probability, advantage, step = (
        torch.tensor([[getattr(start, key)] for start in starts], dtype=torch.float64)
        for key in ("probability", "advantage", "step")
    )
    logits = torch.cat([probability, (1 - probability) * OTHERS / OTHERS.sum()], 1).log()
    old = probability.log()
    rows = []
    for _ in range(updates + 1):
        log_prob = logits.log_softmax(1)
        policy, ratio = log_prob.exp(), log_prob[:, :1] - old
        weight = gradient_weight(method, ratio, advantage, old).double()
        direction = -policy
        direction[:, 0] += 1
        entropy = -(policy * log_prob).sum(1, keepdim=True)
        norm = weight * direction.norm(dim=1, keepdim=True)
        rows.append(torch.cat([ratio, weight, weight / policy[:, :1], norm, entropy], 1))
        logits = logits + step * advantage * weight * direction
    return [Path(*columns) for columns in torch.stack(rows).permute(1, 2, 0).numpy()]


def away(method: Method, ratios: list[float]) -> list[float]:
    """F where A < 0 and the ratio is above the clip range (HN), for a rare token: what bounds a gradient's norm."""
    log_ratio = torch.tensor(ratios).log()
    negative, old = torch.full_like(log_ratio, -1.0), torch.full_like(log_ratio, np.log(2e-3).item())
    return gradient_weight(method, log_ratio, negative, old).tolist()
