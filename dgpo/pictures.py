"""Pictures in files: names as a person has written them, in the letters that this machine has."""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib import font_manager

# Fonts with Chinese, Japanese and Korean, of Linux, Windows and macOS; matplotlib's own has none.
ASIAN = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback")
ASIAN += ("SimHei", "Microsoft YaHei", "PingFang SC", "Arial Unicode MS")
INSTALLED = {font.name for font in font_manager.fontManager.ttflist}
matplotlib.rcParams["font.family"] = ["DejaVu Sans", *(name for name in ASIAN if name in INSTALLED)]
matplotlib.rcParams.update({"axes.grid": True, "grid.alpha": 0.3})
# An SVG keeps its text, for which a reader has fonts.
matplotlib.rcParams["svg.fonttype"] = "none"
# Okabe and Ito's colours, told apart by readers who see colours differently, and more; dashes for black and white.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C00", "#7F4F24", "#990000")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", (0, (1, 1)), "--", "--")


def line_style(number: int) -> dict[str, Any]:
    """How the line of the method with this number is drawn, the same in all panels of a figure."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.8}


def plain(name: str) -> str:
    """A name that matplotlib shows as it is: no formula between two ``$``, and in the legend despite a first ``_``."""
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def legend(figure: Any, axes: Any, loc: str = "outside lower center", columns: int = 5) -> None:
    """One for the whole figure below its panels, of the lines in ``axes``."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc=loc, ncols=columns, frameon=False)


def save(figure: Any, stem: Path, kinds: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write the figure to ``stem``.png and .svg, and forget it; the files."""
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in kinds]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for file in files:
            figure.savefig(file, dpi=150)
    plt.close(figure)
    for other in {str(each.message): each for each in caught if "missing from" not in str(each.message)}.values():
        warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    if any("missing from" in str(each.message) for each in caught):
        advice = "install fonts-noto-cjk, or look at the SVG, which keeps its text"
        print(f"warning: {files[0]}: this machine has no font with all its letters; {advice}", file=sys.stderr)
    return files
