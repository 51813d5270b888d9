"""What a policy loss did to the tokens of a batch, under the same keys for every method.

Regions, with r = π_θ/π_old, lo = 1 - ε_low and hi = 1 + ε_high:

    in   inside the trust region       hp   A > 0, r > hi: right boundary     hn   A < 0, r > hi
    ln   A < 0, r < lo: left boundary  lp   A > 0, r < lo

Tokens with A = 0 have no gradient; they are counted in `zero` and in no region.

verl takes the plain mean of these numbers over micro-batches and ranks, each piece with the same weight, and
so it does of p99.9 and max; over the mini-batches of a step it takes the maximum of keys with "max" in them.
`tokens`, the mean number of tokens in a piece, tells how much a figure rests on.
"""

import math
from collections.abc import Callable

import torch

REGIONS = ("in", "ln", "hp", "lp", "hn")
# A token's class is 3·sign(A) + side + 4, with side -1, 0, 1 for r below, inside, above the range. These are
# the classes of `REGIONS`; 7 is the positive half of `in`. Classes 3 to 5 have A = 0; masked tokens are in 4.
NUM_CLASSES = 9
REGION_CLASSES = (1, 0, 8, 6, 2)
POSITIVE_IN = 7
# W = F/π_θ leaves float32 for π_θ below e^-88: it is reported up to e^60, where sums still fit.
MAX_LOG_W = 60.0
# Percentiles come from histograms of log F and log W, exact to a bin of 2 %.
BINS_PER_UNIT = 50
LOWEST = -15.0
NUM_BINS = round((MAX_LOG_W - LOWEST) * BINS_PER_UNIT)
PERCENTILE = 0.999
# Additions to one address wait for each other, on any device: neighbouring tokens add to different copies.
COPIES = 32


class Statistics:
    """Totals per class over the blocks of one batch, kept on the batch's device until `metrics`.

    Args:
        clip_ratio_low, clip_ratio_high: bounds of the regions.
        cap: ratio above which a method's cap holds F for A < 0, or None; counted as pg_clipfrac_lower.
        device: the batch's device.
    """

    def __init__(
        self, *, clip_ratio_low: float, clip_ratio_high: float, cap: float | None, device: torch.device
    ) -> None:
        self.log_lo, self.log_hi = math.log1p(-clip_ratio_low), math.log1p(clip_ratio_high)
        self.log_cap = None if cap is None else math.log(cap)
        self.sums = torch.zeros(3, COPIES * NUM_CLASSES, dtype=torch.float64, device=device)  # of |A|F, F, W
        self.maxima = torch.zeros(2, COPIES * NUM_CLASSES, device=device)  # of F, W
        self.histograms = torch.zeros(2, NUM_CLASSES * NUM_BINS, device=device)  # of log F, log W
        self.counts = torch.zeros(3, dtype=torch.float64, device=device)  # tokens, Σ log r, capped tokens

    def add(
        self,
        mask: torch.Tensor,
        log_ratio: torch.Tensor,
        advantages: torch.Tensor,
        log_weight: torch.Tensor,
        weight: torch.Tensor,
        log_prob: torch.Tensor,
    ) -> None:
        """Count a block of tokens, all `(b, T)` float32; masked positions have log_ratio and advantages 0."""
        side = (log_ratio - log_ratio.clamp(self.log_lo, self.log_hi)).sign_()
        kind = advantages.sign().mul_(3.0).add_(side).add_(4.0).nan_to_num_(4.0)
        log_w = (log_weight - log_prob).clamp_(max=MAX_LOG_W)
        w = log_w.exp()
        copy = torch.arange(kind.shape[-1], device=kind.device).remainder_(COPIES).mul_(NUM_CLASSES)
        copy = (kind + copy).int().long().flatten()
        block = torch.zeros(3, COPIES * NUM_CLASSES, device=kind.device)
        for row, quantity in enumerate(((weight * advantages).abs_(), weight, w)):
            block[row].scatter_add_(0, copy, quantity.flatten())
        self.sums += block
        self.maxima[0].scatter_reduce_(0, copy, weight.flatten(), "amax")
        self.maxima[1].scatter_reduce_(0, copy, w.flatten(), "amax")
        ones = torch.ones_like(kind).flatten()
        for row, logs in enumerate((log_weight, log_w)):
            bins = (logs - LOWEST).mul_(BINS_PER_UNIT).clamp_(0.0, NUM_BINS - 0.5)
            bins.add_(kind, alpha=NUM_BINS).nan_to_num_(4.0 * NUM_BINS)
            self.histograms[row].scatter_add_(0, bins.int().long().flatten(), ones)
        self.counts[0] += mask.sum()
        self.counts[1] += log_ratio.sum()
        if self.log_cap is not None:
            self.counts[2] += ((log_ratio - self.log_cap).relu_() * advantages.clamp(max=0.0)).count_nonzero()

    def merge(self, other: "Statistics") -> None:
        """Add what `other` has counted of the same batch."""
        self.sums += other.sums
        self.maxima = torch.maximum(self.maxima, other.maxima)
        self.histograms += other.histograms
        self.counts += other.counts

    def metrics(self) -> dict[str, float]:
        """The metrics, Python floats; zero where a region or the batch is empty."""
        histograms = _by_region(self.histograms.view(2, NUM_CLASSES, NUM_BINS))
        counts = histograms[0].sum(-1)
        top_bins = (histograms.cumsum(-1) < PERCENTILE * counts.unsqueeze(-1)).sum(-1)
        sums = _by_region(self.sums.view(3, COPIES, NUM_CLASSES).sum(1))
        maxima = _by_region(self.maxima.view(2, COPIES, NUM_CLASSES).amax(1), torch.maximum)
        report = torch.cat([self.counts, counts, sums.flatten(), maxima.flatten(), top_bins.flatten()]).tolist()
        return _report(report)


def _by_region(
    classes: torch.Tensor, join: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = torch.add
) -> torch.Tensor:
    """`(K, NUM_CLASSES, ...)` to `(K, len(REGIONS), ...)`, the two halves of `in` joined by `join`."""
    inside = join(classes[:, REGION_CLASSES[0]], classes[:, POSITIVE_IN])
    return torch.stack([inside, *(classes[:, number] for number in REGION_CLASSES[1:])], dim=1)


def _report(values: list[float]) -> dict[str, float]:
    """Name the numbers that `Statistics.metrics` fetched."""
    (tokens, log_ratio, capped), values = values[:3], values[3:]
    rows = [dict(zip(REGIONS, values[i : i + len(REGIONS)], strict=True)) for i in range(0, len(values), len(REGIONS))]
    counts, pull, sum_f, sum_w, max_f, max_w, bin_f, bin_w = rows
    total = max(tokens, 1.0)
    result = {
        "actor/pg_clipfrac": (counts["ln"] + counts["hp"]) / total,
        "actor/pg_clipfrac_lower": capped / total,
        "actor/ppo_kl": -log_ratio / total,
        "actor/boundary_gradient_mass": (pull["ln"] + pull["hp"]) / (sum(pull.values()) or 1.0),
        "actor/region/tokens": tokens,
        "actor/region/zero/share": (tokens - sum(counts.values())) / total,
    }
    for region in REGIONS:
        count = max(counts[region], 1.0)
        result[f"actor/region/{region}/share"] = counts[region] / total
        for letter, sums, maxima, bins in (("F", sum_f, max_f, bin_f), ("W", sum_w, max_w, bin_w)):
            result[f"actor/region/{region}/{letter}_mean"] = sums[region] / count
            result[f"actor/region/{region}/{letter}_p999"] = _percentile(bins[region], maxima[region])
            result[f"actor/region/{region}/{letter}_max"] = maxima[region]
    return result


def _percentile(top_bin: float, maximum: float) -> float:
    """The upper edge of a histogram's bin, at most the exact maximum; the lowest bin also holds zeros."""
    return min(math.exp(LOWEST + (top_bin + 1) / BINS_PER_UNIT), maximum) if top_bin else 0.0
