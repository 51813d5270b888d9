"""The gradient weights of the tokens that a run has trained on, of the groups that it has kept."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from dgpo.errors import UserError
from dgpo.losses import METHODS, gradient_weight
from dgpo.losses.base import Method, configured
from dgpo.pictures import plain, plt, save
from dgpo.runs.folder import RunFolder
from dgpo.runs.kept import kept_steps, read_step
from dgpo.runs.metrics import config_of

SIGNS = ((1, "A > 0", "tab:red"), (-1, "A < 0", "tab:blue"))
LARGEST_WEIGHT = 1e6
"""W is drawn up to this: a token of probability e^-200 has a weight that no axis holds."""
MOST_INSIDE = 20_000
"""Tokens inside the clip range that are drawn; of those outside, about one in a thousand, all are."""


def method_of(config: Mapping[str, Any]) -> Method | None:
    """The method of a run's resolved config, with its hyper-parameters; None for a loss that is none of `METHODS`.

    Raises:
        UserError: a key is missing, or has a value that the method refuses.
    """
    try:
        actor = config["actor_rollout_ref"]["actor"]
        name = actor["policy_loss"]["loss_mode"].removeprefix("dgpo_")
        return configured(METHODS[name], actor) if name in METHODS else None
    except (KeyError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else error
        raise UserError(f"config.yaml of the run: {why}; restore it") from error


def read_tokens(run: Path, clip_range: tuple[float, float]) -> np.ndarray:
    """Tokens with an advantage in the kept groups of a run, `(N, 3)` float32: log r, A, log π_θ.

    Of those inside the clip range a random sample.

    Raises:
        UserError: the run has kept none.
    """
    groups = [np.empty((0, 3), np.float32)]
    for folder in kept_steps(RunFolder(run).rollouts).values():
        for each in read_step(folder):
            rows = np.stack([each.log_prob - each.old_log_prob, each.advantage, each.log_prob], axis=1)
            groups.append(rows[each.mask & (each.advantage != 0)])
    tokens = np.concatenate(groups)
    if not len(tokens):
        raise UserError(f"{run}: it has kept no groups with an advantage; train with run.keep_rollouts=2")
    ratio = np.exp(tokens[:, 0])
    inside = (ratio >= clip_range[0]) & (ratio <= clip_range[1])
    drawn = np.random.default_rng(0).permutation(tokens[inside])[:MOST_INSIDE]
    return np.concatenate([drawn, tokens[~inside]])


def weights(tokens: np.ndarray, method: Method) -> tuple[np.ndarray, np.ndarray]:
    """F and W = F/π of tokens `(N, 3)`, each `(N,)`."""
    log_ratio, advantage, log_prob = torch.from_numpy(tokens).T.contiguous()
    f = gradient_weight(method, log_ratio, advantage, log_prob - log_ratio)
    return f.numpy(), (f.log() - log_prob).exp().numpy()


def draw(tokens: np.ndarray, method: Method, title: str) -> Any:
    """F and W against the ratio and against the probability, a dot a token, colours by the sign of the advantage."""
    f, w = weights(tokens, method)
    w = np.minimum(w, LARGEST_WEIGHT)
    ratio, probability = np.exp(tokens[:, 0]), np.exp(tokens[:, 2])
    lo, hi = 1 - method.clip_ratio_low, 1 + method.clip_ratio_high
    figure, panels = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharey="row")

    def scatter(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
        for sign, label, color in SIGNS:
            chosen = np.sign(tokens[:, 1]) == sign
            axes.scatter(x[chosen], y[chosen], s=7, alpha=0.5, color=color, linewidths=0, label=label)
        axes.set(xscale="log", yscale="symlog" if y is f else "log")

    for row, (name, y) in enumerate((("F, weight on ∇log π", f), ("W = F/π, weight on ∇π", np.maximum(w, 1e-6)))):
        scatter(panels[row][0], ratio, y)
        scatter(panels[row][1], probability, y)
        panels[row][0].set_ylabel(name)
        left, right = panels[row][0].get_xlim()
        panels[row][0].axvspan(min(left, lo), lo, color="tab:blue", alpha=0.08, zorder=0)
        panels[row][0].axvspan(hi, max(right, hi), color="tab:red", alpha=0.08, zorder=0)
        for boundary in (lo, hi):
            panels[row][0].axvline(boundary, color="0.5", linewidth=0.8)
    inside = (ratio >= lo) & (ratio <= hi)
    panels[0][0].set_title(f"left boundary below {lo:g}, right boundary above {hi:g}", fontsize=10)
    panels[0][1].set_title(f"{len(tokens)} tokens, {np.count_nonzero(~inside)} outside the clip range", fontsize=10)
    panels[1][0].set_xlabel("ratio r = π / π_old")
    panels[1][1].set_xlabel("probability π")
    panels[0][1].legend(markerscale=2)
    figure.suptitle(plain(title))
    return figure


def plot_distribution(run: Path) -> list[Path]:
    """Draw the kept tokens of a run into its folder; UserError where there are none, or F of its loss is not known."""
    config = config_of(run)
    method = method_of(config)
    if method is None:
        loss = config["actor_rollout_ref"]["actor"]["policy_loss"]["loss_mode"]
        known = ", ".join(sorted(METHODS))
        raise UserError(f"{run}: policy_loss.loss_mode={loss!r} has no gradient weight; give a run of one of {known}")
    tokens = read_tokens(run, (1 - method.clip_ratio_low, 1 + method.clip_ratio_high))
    shown = ", ".join(f"{name}={value}" for name, value in asdict(method).items())
    return save(draw(tokens, method, f"{run.resolve().name}: {method.name} ({shown})"), run / "distribution")
