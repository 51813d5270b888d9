"""`dgpo lab mechanism`: a vanishing wrong token and a growing right one under each loss, and n and m of DGPO."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.errors import UserError
from dgpo.evaluation.statistics import Paired, paired_difference
from dgpo.files import make_folder
from dgpo.losses import Method
from dgpo.losses.base import make_method
from dgpo.pictures import legend, line_style, plain, plt, save
from dgpo.studies import token
from dgpo.studies.contenders import contenders
from dgpo.studies.tabular import REACHED, free_entropy
from dgpo.studies.threads import one_thread
from dgpo.tables import Table, write_tables

POWERS = ((1, 1), (2, 1), (4, 1), (8, 1), (1, 2), (1, 4), (1, 8))
"""(n, m) of DGPO; the others are compared with the first."""
ABOVE = [3.0, 10.0, 50.0, 300.0]
SHOWN = {"left": token.UPDATES, "right": 16}
"""Updates after which the table shows a token."""
Paths = dict[str, dict[str, token.Path]]
"""By loss, of the token at the left and of that at the right boundary."""
Powers = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]
"""By (n, m), what `free_entropy` gives."""


@one_thread()
def study_mechanism(methods: Sequence[str], out: Path, *, seeds: int, rare: float, module: str | None) -> list[Path]:
    """Write mechanism.md, .json, .png and .svg into ``out``, and print the tables.

    Args:
        methods: as `contenders` reads them, after an import of `module`.
        seeds: number of seeds of the tabular policy.
        rare: probability of a right token of that policy before training.

    Raises:
        UserError: as `contenders`, or a value out of its range, or a folder that cannot be made.
    """
    chosen = contenders(methods, module)
    if seeds < 2:
        raise UserError(f"--seeds={seeds}: an interval needs at least 2; the default is 30")
    if not 0 < rare < 0.8:
        raise UserError(f"--rare={rare}: it must be a probability in (0, 0.8); choose 0.03")
    make_folder(out, "--out")
    paths: Paths = {}
    for name, method in chosen.items():
        left, right = token.follow(method, [token.LEFT, token.RIGHT])
        paths[name] = {"left": left, "right": right}
    powers = {(n, m): free_entropy(make_method("dgpo", {"n": n, "m": m}), range(seeds), rare) for n, m in POWERS}
    (_, first), *others = powers.values()
    against = {key: paired_difference([first], [entropy]) for key, (_, entropy) in zip(POWERS[1:], others, strict=True)}
    tables = [tokens_table(chosen, paths), powers_table(powers, against, rare)]
    content = {"settings": {"seeds": seeds, "rare": rare}, **numbers(chosen, paths, powers)}
    files = write_tables(out / "mechanism", tables, content)
    return files + draw(paths, against, out / "mechanism")


def tokens_table(methods: Mapping[str, Method], paths: Paths) -> Table:
    """A row for each method: the wrong and the right token after `SHOWN` updates, and F above the range."""
    rows = []
    for name, both in paths.items():
        left, right, i, j = both["left"], both["right"], SHOWN["left"], SHOWN["right"]
        cells = (np.exp(left.log_ratio[i]), left.w[i], left.gradient[i], left.entropy[i])
        cells += (np.exp(right.log_ratio[j]), right.entropy[j])
        above = " ".join(f"{weight:.3g}" for weight in token.away(methods[name], ABOVE))
        rows.append((name, *(f"{cell:.3g}" for cell in cells), above))
    head = ("loss", "r", "W", "norm", "entropy", "r of the right", "entropy there", "F where A < 0, r high")
    start = paths[next(iter(paths))]
    notes = [
        f"Wrong token (π {token.LEFT.probability}, A < 0) after {SHOWN['left']} updates: ratio, W = F/π, norm of the "
        f"gradient in the logits, entropy (at first {start['left'].entropy[0]:.3f} nats). Right token (π "
        f"{token.RIGHT.probability}, A > 0) after {SHOWN['right']}: ratio, entropy (at first "
        f"{start['right'].entropy[0]:.3f}). Last column: F at r = {', '.join(f'{ratio:g}' for ratio in ABOVE)}."
    ]
    return Table(head, rows, "One token under each loss", notes)


def powers_table(powers: Powers, against: Mapping[tuple[int, int], Paired], rare: float) -> Table:
    """A row for each (n, m): steps and entropy at `REACHED`, and the difference from the first."""
    rows = []
    for (n, m), (steps, entropy) in powers.items():
        same = (n, m) == POWERS[0]
        cells = ("–", "–") if same else (against[n, m].text("+.3f"), f"{against[n, m].p:.2g}")
        rows.append((f"n={n}, m={m}", f"{np.nanmean(steps):.2f}", f"{np.nanmean(entropy):.3f}", *cells))
    head = ("dgpo", "steps", "entropy", f"minus n={POWERS[0][0]}, m={POWERS[0][1]}", "p")
    seeds = len(powers[POWERS[0]][0])
    notes = [
        f"A policy in a table, right tokens at {rare:g} at first, {seeds} seeds: steps until {REACHED:.0%} of the "
        "answers are right, and entropy (nats) of the positions where no token is wrong, paired over seeds."
    ]
    return Table(head, rows, "n and m of DGPO", notes)


def numbers(methods: Mapping[str, Method], paths: Paths, powers: Powers) -> dict[str, Any]:
    """Everything that was computed, for JSON."""

    def listed(values: np.ndarray) -> list[float]:
        return [float(f"{value:.6g}") for value in values]

    tokens: dict[str, Any] = {}
    for name, both in paths.items():
        tokens[name] = {side: {key: listed(each) for key, each in vars(path).items()} for side, path in both.items()}
        tokens[name]["above"] = dict(zip(map(str, ABOVE), token.away(methods[name], ABOVE), strict=True))
    table = {
        f"n={n},m={m}": {"steps": listed(steps), "entropy": listed(entropy)}
        for (n, m), (steps, entropy) in powers.items()
    }
    return {"tokens": tokens, "powers": table}


def draw(paths: Paths, against: Mapping[tuple[int, int], Paired], stem: Path) -> list[Path]:
    """Five panels over updates, a line for each method, and the entropies of (n, m)."""
    figure, grid = plt.subplots(2, 3, figsize=(14, 8))
    # Fixed margins, because computing them takes longer than all the drawing.
    figure.subplots_adjust(left=0.04, right=0.985, top=0.95, bottom=0.17, hspace=0.3, wspace=0.18)
    panels = (
        ("wrong token: ratio r", "left", lambda path: np.exp(path.log_ratio), "log"),
        ("wrong token: W = F/π", "left", lambda path: path.w, "log"),
        ("wrong token: gradient norm in the logits", "left", lambda path: path.gradient, "linear"),
        ("wrong token: entropy of the softmax (nats)", "left", lambda path: path.entropy, "linear"),
        ("right token: ratio r", "right", lambda path: np.exp(path.log_ratio), "log"),
    )
    for axes, (title, side, read, scale) in zip(grid.flat, panels, strict=False):
        for number, (name, both) in enumerate(paths.items()):
            axes.plot(read(both[side]), label=plain(name), **line_style(number))
        axes.set(title=title, xlabel="updates on one batch", yscale=scale)
    others = {f"n={n}, m={m}": delta for (n, m), delta in against.items()}
    last = grid.flat[-1]
    last.axhline(0, color="0.5", linewidth=0.8)
    for place, delta in enumerate(others.values()):
        last.errorbar(place, delta.value, [[delta.value - delta.low], [delta.high - delta.value]], fmt="ko", capsize=4)
    last.set_xticks(range(len(others)), others, rotation=30)
    last.set(title=f"entropy kept at {REACHED:.0%} right, minus n={POWERS[0][0]}, m={POWERS[0][1]}", ylabel="nats")
    legend(figure, grid.flat[0], "lower center")
    return save(figure, stem)
