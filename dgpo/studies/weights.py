"""`dgpo plot weights`: the gradient weights F and W of methods, against the ratio and against the probability."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from dgpo.errors import UserError, check_number
from dgpo.files import make_folder
from dgpo.losses import Method, gradient_weight
from dgpo.pictures import legend, line_style, plt, save
from dgpo.studies.contenders import parse_method

DEFAULT_METHODS = ("grpo", "cispo", "gppo", "ce_gppo", "aspo", "maspo", "dgpo")
POINTS = 400


def plot_weights(
    methods: Sequence[str],
    out: Path,
    *,
    old_prob: float = 0.5,
    advantage: float = 1.0,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.2,
) -> list[Path]:
    """Write `weights_ratio` and `weights_probability`, each as PNG and SVG, into the folder `out`; the four files.

    Rows are F, the weight on ∇log π, and W = F/π, the weight on ∇π; columns are A < 0 and A > 0. The regions beyond the
    clip range are shaded.

    Args:
        methods: names of `METHODS`, with hyper-parameters as in `dgpo:n=2,m=4`.
        out: is made.
        old_prob: π_old of the token, in (0, 1).
        advantage: size of A, above 0; only maspo depends on it.
        clip_ratio_low, clip_ratio_high: ε_low in (0, 1) and ε_high above 0, for the methods that do not set their own.

    Raises:
        UserError: an unknown method or hyper-parameter, a value outside its range, a folder that cannot be written.
    """
    try:
        check_number("--old-prob", old_prob, above=0.0, below=1.0)
        check_number("--advantage", advantage, above=0.0)
        clip_range = Method(clip_ratio_low=clip_ratio_low, clip_ratio_high=clip_ratio_high)
        chosen = [parse_method(text, clip_range) for text in methods]
    except ValueError as error:
        raise UserError(str(error)) from error
    make_folder(out, "--out")
    files = []
    for against in ("ratio", "probability"):
        figure = draw(chosen, against, old_prob=old_prob, clip_range=clip_range, advantage=advantage)
        files += save(figure, out / f"weights_{against}")
    return files


def curve(method: Method, ratios: torch.Tensor, advantage: float, old_prob: float) -> tuple[torch.Tensor, torch.Tensor]:
    """F and W of a method at `ratios` `(N,)`, for one advantage and one π_old in (0, 1]; both `(N,)`."""
    old_log_prob = torch.full_like(ratios, math.log(old_prob))
    f = gradient_weight(method, ratios.log(), torch.full_like(ratios, advantage), old_log_prob)
    return f, f / (ratios * old_prob)


def ratio_grid(largest: float, lo: float, hi: float) -> torch.Tensor:
    """Ratios in (0, largest] in three pieces, a NaN between them, so that a jump at lo or hi is drawn as a gap."""
    ends = (0.0, min(lo, largest), min(hi, largest), largest)
    gap = torch.tensor([math.nan])
    pieces = []
    for start, end in pairwise(ends):
        inset = 1e-6 * largest
        if end - start > 2 * inset:
            pieces += [torch.linspace(start + inset, end - inset, POINTS), gap]
    return torch.cat(pieces[:-1])


def draw(
    methods: Sequence[tuple[str, Method]], against: str, *, old_prob: float, clip_range: Method, advantage: float
) -> Any:
    """A matplotlib figure of F and W `against` "ratio" or "probability", for ±`advantage`.

    Against the ratio W is drawn in units of 1/π_old; against the probability, as it is at `old_prob`.
    """
    lo, hi = 1 - clip_range.clip_ratio_low, 1 + clip_range.clip_ratio_high
    unit = 1.0 if against == "ratio" else old_prob
    largest = max(2.0, hi + 1.0) if against == "ratio" else 1 / old_prob
    ratios = ratio_grid(largest, lo, hi)
    figure, panels = plt.subplots(2, 2, figsize=(11, 8), sharex=True, layout="constrained")
    for column, sign in enumerate((-1.0, 1.0)):
        for index, (label, method) in enumerate(methods):
            f, w = curve(method, ratios, sign * advantage, old_prob)
            style = line_style(index) | {"label": label}
            panels[0][column].plot(ratios * unit, f, **style)
            panels[1][column].plot(ratios * unit, w * (old_prob if against == "ratio" else 1.0), **style)
        name, start, end = ("LN", 0.0, lo * unit) if sign < 0 else ("HP", hi * unit, largest * unit)
        for row, letter in enumerate("FW"):
            panel = panels[row][column]
            panel.axvspan(start, end, color="0.93", zorder=0)
            panel.text((start + end) / 2, 0.96, name, transform=panel.get_xaxis_transform(), ha="center", va="top")
            for boundary in (lo, hi):
                panel.axvline(boundary * unit, color="0.6", linewidth=0.8, zorder=0)
            highest = top(letter, against, hi, largest, old_prob)
            panel.set(xlim=(0, largest * unit), ylim=(-0.03 * highest, highest))  # shows a curve that is zero
            panel.set_title(f"{letter}, {'A < 0' if sign < 0 else 'A > 0'}")
            panel.spines[["top", "right"]].set_visible(False)
        x_label = "ratio r = $π/π_{old}$" if against == "ratio" else f"probability π, at $π_{{old}}$ = {old_prob:g}"
        panels[1][column].set_xlabel(x_label)
    panels[0][0].set_ylabel("F, weight on ∇log π")
    panels[1][0].set_ylabel("W = F/π, weight on ∇π" + (", in $1/π_{old}$" if against == "ratio" else ""))
    legend(figure, panels[0][0], columns=4)
    return figure


def top(letter: str, against: str, hi: float, largest: float, old_prob: float) -> float:
    """Upper end of an axis: room for r itself in F, and in W three times the weight inside the trust region."""
    if letter == "F":
        return min(largest, hi + 1.8)
    return 3.0 if against == "ratio" else 3.0 / old_prob
