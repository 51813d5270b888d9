"""A kept group in the terminal: its answers, each token on the colour of its A·F."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.text import Text

from dgpo.losses import METHODS, gradient_weight
from dgpo.losses.base import Method
from dgpo.runs.folder import RunFolder
from dgpo.runs.kept import KeptAnswer
from dgpo.runs.metrics import config_of
from dgpo.runs.pieces import Pieces
from dgpo.runs.rollouts import select_groups
from dgpo.runs.token_weights import method_of
from dgpo.runs.verdicts import verdict_sentence
from dgpo.verifier.files.tally import printable

UP, DOWN = (200, 95, 15), (35, 105, 190)
MOST_TOKENS = 2000
"""Of an answer that are shown."""


def show_group(run: Path, *, step: int | None, prompt: str | None, limit: int, console: Console | None = None) -> None:
    """Print the first group that suits, with at most ``limit`` answers; UserError where there is none."""
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    group = next(select_groups(run, step=step, prompt=prompt))
    method = method_of(config_of(run)) or METHODS["dgpo"]()
    pieces = Pieces(RunFolder(run).rollouts / "tokenizer")
    first = group[0]
    console.print(Text(f"step {first.step}, {len(group)} answers, A·F of {method.name}", style="bold"))
    for message in first.prompt:
        console.print(Text(printable(str(message.get("content", "")), 4000), style="dim"))
    pushes = [push(each, method) for each in group]
    scale = max((float(np.quantile(np.abs(each), 0.995)) for each in pushes if len(each)), default=0.0) or 1.0
    for answer, values in list(zip(group, pushes, strict=True))[:limit]:
        score = "" if answer.score is None else f", reward {answer.score:g}"
        advantage = f"A {answer.advantage[0]:+.3f}, " if len(answer.advantage) else ""
        head = f"{advantage}{len(answer.token)} tokens{score}: {verdict_sentence(answer.said, answer.ground_truth)}"
        console.rule()
        console.print(Text(printable(head, 1000)))
        console.print(coloured(pieces.of(answer.token[:MOST_TOKENS].tolist()), values / scale))
    console.print(legend(scale))


def push(answer: KeptAnswer, method: Method) -> np.ndarray:
    """A·F of each token, `(T,)`; zero where the loss ignores it."""
    ratio, old = torch.from_numpy(answer.log_prob - answer.old_log_prob), torch.from_numpy(answer.old_log_prob)
    f = gradient_weight(method, ratio, torch.from_numpy(answer.advantage), old)
    return np.where(answer.mask, answer.advantage * f.numpy(), 0.0)


def coloured(texts: Sequence[str], shares: np.ndarray) -> Text:
    """Texts on colours for shares in [-1, 1]: blue below 0, orange above."""
    coloured_text = Text()
    for text, share in zip(texts, shares, strict=False):
        colour = [round(min(abs(float(share)), 1.0) * part) for part in (UP if share > 0 else DOWN)]
        lines = "↵\n".join(printable(line, 200) for line in text.split("\n"))
        coloured_text.append(lines, style="on #{:02x}{:02x}{:02x}".format(*colour) if any(colour) else "")
    return coloured_text


def legend(scale: float) -> Text:
    """The scale, with its ends in numbers."""
    shares = np.linspace(-1, 1, 21)
    return Text.assemble(f"\nless likely −{scale:.3g} ", coloured([" "] * 21, shares), f" {scale:.3g} more likely")
