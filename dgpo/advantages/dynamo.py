"""DynaMO's token factors (arXiv:2602.19208): less where an update would shake the entropy, more where it is low.

    A' = A · b_comp · b_stab
    b_comp = 1 + α(H_max − H)/(H_max − H_min) for A > 0, else 1
    b_stab = floor + (1 − floor) · sigmoid(−steepness · (Ξ/max Ξ − threshold))
    Ξ = |A(πΛ − mean πΛ)|, Λ = log π + H

Ξ is the size of the first-order change of the entropy: one policy-gradient step on a token's logits moves it by
−A(πΛ − E[πΛ]). As in the authors' release the mean over the response's own tokens stands for the expectation over the
vocabulary, which would need the logits. The ratio is 1 and nothing is clipped, as at the first update of a batch; the
authors compute it anew at each micro-batch.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from dgpo.errors import check_number

Scope = Literal["sequence", "batch"]


def modulation(
    advantages: Tensor,
    old_log_probs: Tensor,
    entropy: Tensor,
    response_mask: Tensor,
    *,
    alpha: float = 0.2,
    floor: float = 0.6,
    steepness: float = 50.0,
    threshold: float = 0.99,
    scope: Scope = "sequence",
) -> Tensor:
    """b_comp · b_stab, `(B, T)`, in [floor, 1 + α]; 1 where the mask is 0, whatever stands there.

    Args:
        advantages, old_log_probs, entropy: `(B, T)`; of one token each, the entropy in nats.
        response_mask: `(B, T)`, 0 or 1.
        alpha: α ≥ 0, the largest increase.
        floor: in [0, 1], the least that is left of an advantage.
        steepness: ≥ 0, of the sigmoid, in units of Ξ/max Ξ.
        threshold: the Ξ/max Ξ at which half of 1 − floor is taken.
        scope: over which tokens H_min, H_max and max Ξ are taken. ``sequence``: those of a response, so that neither
            its batch nor padding changes a factor. ``batch``: all.

    Raises:
        ValueError: a value outside its range, tensors of unequal shapes.
    """
    check_number("alpha", alpha, at_least=0)
    check_number("floor", floor, at_least=0, at_most=1)
    check_number("steepness", steepness, at_least=0)
    check_number("threshold", threshold)
    if scope not in get_args(Scope):
        raise ValueError(f"scope={scope!r} must be one of {', '.join(get_args(Scope))}")
    shapes = [tuple(each.shape) for each in (advantages, old_log_probs, entropy, response_mask)]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise ValueError(f"advantages, old_log_probs, entropy and response_mask must be (B, T) alike: {shapes}")
    mask = response_mask.bool()
    kind = torch.promote_types(advantages.dtype, torch.float32)
    if not mask.any():
        return torch.ones_like(mask, dtype=kind)
    # In double precision: the sigmoid is steep.
    advantage, log_prob, h = (torch.where(mask, each.double(), 0.0) for each in (advantages, old_log_probs, entropy))
    over = (1,) if scope == "sequence" else (0, 1)

    def largest(values: Tensor) -> Tensor:
        return values.masked_fill(~mask, -math.inf).amax(over, keepdim=True)

    h_max, h_min = largest(h), -largest(-h)
    rising = (advantage > 0) & (h_max > h_min)
    comp = torch.where(rising, 1 + alpha * (h_max - h) / (h_max - h_min), 1.0)

    pull = log_prob.exp() * (log_prob + h)
    mean = torch.where(mask, pull, 0.0).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
    shift = (advantage * (pull - mean)).abs()
    share = shift / largest(shift)
    stab = torch.where(largest(shift) > 0, floor + (1 - floor) * torch.sigmoid(-steepness * (share - threshold)), 1.0)
    return torch.where(mask, comp * stab, 1.0).to(kind)
