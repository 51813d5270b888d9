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

REGIONS = ("in", "ln", "hp", "lp", "hn")
# W = F/π_θ leaves float32 for π_θ below e^-88: it is reported up to e^60, where sums still fit.
MAX_LOG_W = 60.0


def token_metrics(
    mask: Tensor,
    log_ratio: Tensor,
    advantages: Tensor,
    log_weight: Tensor,
    log_prob: Tensor,
    method: Method,
) -> dict[str, float]:
    """The metrics as Python floats, zero where a region or the batch is empty.

    Args:
        mask: `(B, T)` bool.
        log_ratio, advantages, log_weight, log_prob: log r, A, log F, log π_θ, `(B, T)` float32, the first two zero
            where masked.
        method: whose clip range bounds the regions; `pg_clipfrac_lower` counts where A < 0 and r is above its cap.
    """
    negative, positive = advantages < 0, advantages > 0
    log_lo, log_hi = method.log_range
    below, above = log_ratio < log_lo, log_ratio > log_hi
    inside = ~(below | above) & (negative | positive)
    regions = (inside, below & negative, above & positive, below & positive, above & negative)
    weight, w = log_weight.exp(), (log_weight - log_prob).clamp(max=MAX_LOG_W).exp()
    pull = (advantages * weight).abs()
    clipped, capped = regions[1] | regions[2], negative & (log_ratio > method.log_cap)
    numbers = [mask.count_nonzero(), log_ratio.sum(), capped.count_nonzero()]
    numbers += [pull.masked_fill(~clipped, 0.0).sum(), pull.sum()]
    for region in regions:
        in_region = [values.masked_fill(~region, 0.0) for values in (weight, w)]
        largest = [values.max() if values.numel() else values.sum() for values in in_region]
        numbers += [region.count_nonzero(), in_region[0].sum(), largest[0], in_region[1].sum(), largest[1]]
    # The only wait for the device.
    tokens, log_ratios, caps, boundary, pulls, *rest = torch.stack([number.double() for number in numbers]).tolist()
    rows = {region: rest[5 * i : 5 * i + 5] for i, region in enumerate(REGIONS)}
    total = max(tokens, 1.0)
    metrics = {
        "actor/pg_clipfrac": (rows["ln"][0] + rows["hp"][0]) / total,
        "actor/pg_clipfrac_lower": caps / total,
        "actor/ppo_kl": -log_ratios / total,
        "actor/boundary_gradient_mass": boundary / (pulls or 1.0),
        "actor/region/tokens": tokens,
        "actor/region/zero/share": (tokens - sum(row[0] for row in rows.values())) / total,
    }
    for region, (count, *figures) in rows.items():
        metrics[f"actor/region/{region}/share"] = count / total
        for letter, (summed, largest) in (("F", figures[:2]), ("W", figures[2:])):
            metrics[f"actor/region/{region}/{letter}_mean"] = summed / max(count, 1.0)
            metrics[f"actor/region/{region}/{letter}_max"] = largest
    return metrics
