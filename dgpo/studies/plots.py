"""How a study's lines look: a colour and a dash a method, told apart by ten."""

from typing import Any

# Okabe and Ito's colours for readers who see colours differently, and two more.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C8C00", "#7F4F24", "#D55E00", "#990000")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), "--", "-", "--")


def style(number: int) -> dict[str, Any]:
    """Of the line of the method with this number."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.8}
