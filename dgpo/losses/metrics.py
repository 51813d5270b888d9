"""What a policy loss did to the tokens of a batch, under the same keys for every method.

Regions, with r = π_θ/π_old, lo = 1 - ε_low and hi = 1 + ε_high; tokens with A = 0 are in none, but in `zero`:

    in   inside the trust region       hp   A > 0, r > hi: right boundary     hn   A < 0, r > hi
    ln   A < 0, r < lo: left boundary  lp   A > 0, r < lo

verl takes the plain mean of these numbers over micro-batches and ranks, each piece with the same weight, and so it does
of the maxima; over the mini-batches of a step it takes the maximum of keys with "max" in them. `tokens`, the mean
number of tokens in a piece, tells how much a figure rests on.
"""

import torch
from torch import Tensor

from dgpo.losses.base import Method

# W = F/π_θ leaves float32 for π_θ below e^-88: it is reported up to e^60, where sums still fit.
MAX_LOG_W = 60.0


def token_metrics(
    mask: Tensor, log_ratio: Tensor, advantages: Tensor, log_weight: Tensor, log_prob: Tensor, method: Method
) -> dict[str, float]:
    """The metrics as Python floats, zero where a region or the batch is empty.

    Args:
        mask, log_ratio, advantages, log_weight, log_prob: true on response tokens, and of each token log r, A, log F
            and log π_θ, float32, all `(B, T)`; log r and A are zero where masked.
        method: whose clip range bounds the regions; `pg_clipfrac_lower` counts where A < 0 and r is above its cap.
    """
    negative, positive = advantages < 0, advantages > 0
    log_lo, log_hi = method.log_range
    below, above = log_ratio < log_lo, log_ratio > log_hi
    regions = {
        "in": ~(below | above) & (negative | positive),
        "ln": below & negative,
        "hp": above & positive,
        "lp": below & positive,
        "hn": above & negative,
    }
    weight, w = log_weight.exp(), (log_weight - log_prob).clamp(max=MAX_LOG_W).exp()
    pull = (advantages * weight).abs()
    boundary, capped = regions["ln"] | regions["hp"], negative & (log_ratio > method.log_cap)
    tokens = mask.count_nonzero().double()
    total = tokens.clamp(min=1.0)
    metrics = {
        "actor/pg_clipfrac": boundary.count_nonzero() / total,
        "actor/pg_clipfrac_lower": capped.count_nonzero() / total,
        "actor/ppo_kl": -log_ratio.sum() / total,
        "actor/boundary_gradient_mass": pull.masked_fill(~boundary, 0.0).sum() / pull.sum().clamp(min=1e-38),
        "actor/region/tokens": tokens,
        "actor/region/zero/share": (mask & ~negative & ~positive).count_nonzero() / total,
    }
    for name, region in regions.items():
        count, elsewhere = region.count_nonzero().double(), ~region
        metrics[f"actor/region/{name}/share"] = count / total
        for letter, values in (("F", weight), ("W", w)):
            inside = values.masked_fill(elsewhere, 0.0)
            metrics[f"actor/region/{name}/{letter}_mean"] = inside.sum() / count.clamp(min=1.0)
            metrics[f"actor/region/{name}/{letter}_max"] = inside.max() if inside.numel() else inside.sum()
    # The only wait for the device.
    return dict(zip(metrics, torch.stack([each.double() for each in metrics.values()]).tolist(), strict=True))
