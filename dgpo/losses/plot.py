"""Draw the gradient weights F and W of chosen methods against the ratio and against the probability.

    python -m dgpo.losses.plot --methods grpo gppo dgpo dgpo:n=2,m=4 --output plots

F is the weight on ∇log π and W = F/π the weight on ∇π. Writes `weights_ratio` and `weights_probability`, each as PNG
and SVG: rows F and W, columns A < 0 and A > 0, the regions beyond the clip range shaded.
"""

import argparse
import ast
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from dgpo.losses import METHODS, gradient_weight

DEFAULT_METHODS = ("grpo", "cispo", "gppo", "ce_gppo", "aspo", "maspo", "dgpo")
# Okabe and Ito's colours, told apart by readers who see colours differently; the dashes help in black and white.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "--")
POINTS = 400


def parse_method(text: str) -> tuple[str, dict[str, Any]]:
    """`"dgpo:n=2,m=4"` to its name and hyper-parameters.

    Raises:
        ValueError: an unknown method, or a setting that is not name=value with a Python literal for a value.
    """
    name, _, settings = text.partition(":")
    if name not in METHODS:
        raise ValueError(f"--methods {text}: unknown method {name!r}; known methods: {', '.join(METHODS)}")
    hyper_parameters = {}
    for setting in filter(None, settings.split(",")):
        key, separator, value = setting.partition("=")
        try:
            hyper_parameters[key] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            separator = ""
        if not separator:
            raise ValueError(f"--methods {text}: {setting!r} must be name=value, such as n=2 or one_sided=True")
    return name, hyper_parameters


def curve(
    name: str, ratios: torch.Tensor, advantage: float, old_prob: float, **hyper_parameters: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """F and W of a method at `ratios` `(N,)`, for one advantage and one π_old in (0, 1]; both `(N,)`.

    Raises:
        ValueError: as `gradient_weight`.
    """
    old_log_prob = torch.full_like(ratios, math.log(old_prob))
    f = gradient_weight(name, ratios.log(), torch.full_like(ratios, advantage), old_log_prob, **hyper_parameters)
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
    methods: Sequence[tuple[str, dict[str, Any]]],
    against: str,
    *,
    old_prob: float = 0.5,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.2,
    advantage: float = 1.0,
) -> Any:
    """A matplotlib figure of F and W `against` "ratio" or "probability", for ±`advantage`.

    Against the ratio W is drawn in units of 1/π_old; against the probability, as it is at `old_prob`.

    Raises:
        ValueError: `old_prob` outside (0, 1), or as `gradient_weight`.
    """
    from matplotlib.figure import Figure  # takes a second to import, and the other functions do not need it

    if not 0 < old_prob < 1:
        raise ValueError(f"old_prob={old_prob!r} must be a number in (0, 1)")
    lo, hi = 1 - clip_ratio_low, 1 + clip_ratio_high
    unit = 1.0 if against == "ratio" else old_prob
    largest = max(2.0, hi + 1.0) if against == "ratio" else 1 / old_prob
    ratios = ratio_grid(largest, lo, hi)
    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    for column, sign in enumerate((-1.0, 1.0)):
        for index, (name, given) in enumerate(methods):
            clip_range = {"clip_ratio_low": clip_ratio_low, "clip_ratio_high": clip_ratio_high}
            f, w = curve(name, ratios, sign * advantage, old_prob, **(clip_range | given))
            style = {
                "color": COLOURS[index % len(COLOURS)],
                "linestyle": DASHES[index % len(DASHES)],
                "linewidth": 2.0,
                "label": label(name, given),
            }
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
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def top(letter: str, against: str, hi: float, largest: float, old_prob: float) -> float:
    """Upper end of an axis: room for r itself in F, and in W three times the weight inside the trust region."""
    if letter == "F":
        return min(largest, hi + 1.8)
    return 3.0 if against == "ratio" else 3.0 / old_prob


def label(name: str, given: dict[str, Any]) -> str:
    """Legend entry: the name and the hyper-parameters that were set."""
    return name + (f" ({', '.join(f'{key}={value}' for key, value in given.items())})" if given else "")


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="dgpo plot weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--methods", nargs="+", default=DEFAULT_METHODS, help="names, with hyper-parameters as in dgpo:n=2,m=4"
    )
    parser.add_argument("--output", type=Path, default=Path("plots"), help="folder for the four files")
    parser.add_argument("--old-prob", type=float, default=0.5, help="π_old of the token, in (0, 1)")
    parser.add_argument("--advantage", type=float, default=1.0, help="size of A; only maspo depends on it")
    parser.add_argument("--clip-ratio-low", type=float, default=0.2)
    parser.add_argument("--clip-ratio-high", type=float, default=0.2)
    arguments = parser.parse_args(argv)
    methods = [parse_method(text) for text in arguments.methods]
    arguments.output.mkdir(parents=True, exist_ok=True)
    for against in ("ratio", "probability"):
        figure = draw(
            methods,
            against,
            old_prob=arguments.old_prob,
            clip_ratio_low=arguments.clip_ratio_low,
            clip_ratio_high=arguments.clip_ratio_high,
            advantage=arguments.advantage,
        )
        for suffix in ("png", "svg"):
            path = arguments.output / f"weights_{against}.{suffix}"
            figure.savefig(path, dpi=150)
            print(path)


if __name__ == "__main__":
    main()
