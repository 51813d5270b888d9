"""``dgpo compare RUN ...``: runs side by side, seeds of one experiment together: a table, and curves over steps."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.runs.best import validation_score
from dgpo.runs.experiments import difference_rows, group, labels
from dgpo.runs.figures import ReportError, markdown, plain, read_steps
from dgpo.training.step_lines import boundary_share

HEADER = ("experiment", "runs", "steps", "first", "last", "best", "reward", "entropy", "boundary", "grad norm", "")
# Steps at the end of a run over which training figures are averaged.
TAIL = 10

Steps = Mapping[int, Mapping[str, Any]]


def figures(steps: Steps) -> dict[str, float]:
    """The figures of one run: validation scores, and means over its last `TAIL` training steps; NaN where missing."""
    scores = [score for metrics in steps.values() if (score := validation_score(metrics)) is not None]
    training = [metrics for metrics in steps.values() if "actor/grad_norm" in metrics][-TAIL:]

    def mean(values: list[float | None]) -> float:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else float("nan")

    return {
        "steps": float(max(steps)),
        "first": scores[0] if scores else float("nan"),
        "last": scores[-1] if scores else float("nan"),
        "best": max(scores, default=float("nan")),
        "reward": mean([metrics.get("critic/score/mean") for metrics in training]),
        "entropy": mean([metrics.get("actor/entropy") for metrics in training]),
        "boundary": mean([boundary_share(dict(metrics)) for metrics in training]),
        "grad norm": mean([metrics.get("actor/grad_norm") for metrics in training]),
    }


def table(runs: Mapping[str, Sequence[Steps]]) -> list[tuple[str, ...]]:
    """A row an experiment: mean over its runs, ± their standard deviation where there are several."""
    forms = {"first": "%", "last": "%", "best": "%", "boundary": "%", "steps": ".0f"}
    made: list[tuple[str, ...]] = []
    for label, histories in runs.items():
        values = [figures(steps) for steps in histories]
        cells = [_cell([each[name] for each in values], forms.get(name, ".3f")) for name in HEADER[2:-1]]
        made.append((label, str(len(values)), *cells, ""))
    return made


def _cell(values: list[float], form: str) -> str:
    scale, digits = (100.0, ".2f") if form == "%" else (1.0, form)
    text = format(scale * float(np.mean(values)), digits)
    return f"{text} ± {scale * float(np.std(values, ddof=1)):{digits}}" if len(values) > 1 else text


def plot(runs: Mapping[str, Sequence[Steps]], files: Sequence[Path]) -> None:
    """Four curves over steps, a colour an experiment: the mean of its runs, and each run behind it."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    panels = {
        "validation (share right)": validation_score,
        "training reward": lambda metrics: metrics.get("critic/score/mean"),
        "entropy (nats a token)": lambda metrics: metrics.get("actor/entropy"),
        "gradient norm": lambda metrics: metrics.get("actor/grad_norm"),
    }
    figure, grid = plt.subplots(2, 2, figsize=(10, 6.4), sharex=True, layout="constrained")
    for axes, (title, read) in zip(grid.flat, panels.items(), strict=True):
        for number, (label, histories) in enumerate(runs.items()):
            by_step: dict[int, list[float]] = defaultdict(list)
            for steps in histories:
                points = {step: value for step, metrics in steps.items() if (value := read(metrics)) is not None}
                axes.plot(list(points), list(points.values()), color=f"C{number}", alpha=0.25, linewidth=0.8)
                for step, value in points.items():
                    by_step[step].append(value)
            mean = {step: float(np.mean(by_step[step])) for step in sorted(by_step)}
            axes.plot(list(mean), list(mean.values()), color=f"C{number}", label=label, linewidth=1.6)
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
    grid.flat[0].legend(fontsize=8)
    for file in files:
        figure.savefig(file, dpi=150)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare; 0 when written, 2 when one of the folders is no run."""
    parser = argparse.ArgumentParser(prog="dgpo compare", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    parser.add_argument("--out", type=Path, required=True, help="folder for compare.md, .json, .png, .svg")
    arguments = parser.parse_args(argv)
    try:
        groups = group(arguments.runs)
        experiments = [settings for settings, _ in groups]
        runs = {
            label: [read_steps(run) for run in members]
            for label, (_, members) in zip(labels(experiments), groups, strict=True)
        }
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = [arguments.out / f"compare{suffix}" for suffix in (".md", ".json", ".png", ".svg")]
    made, differences = table(runs), difference_rows(experiments)
    parts = [(made, HEADER), *([(differences[1:], differences[0])] if differences else [])]
    files[0].write_text("\n".join(markdown(*part) for part in parts))
    # JSON has no NaN: what a run does not have is null.
    by_label = {
        label: [{k: v if np.isfinite(v) else None for k, v in figures(steps).items()} for steps in histories]
        for label, histories in runs.items()
    }
    files[1].write_text(json.dumps(by_label, indent=1) + "\n")
    plot(runs, files[2:])
    print("\n\n".join(plain(*part) for part in parts))
    print("\nfirst, last, best: validation (%); boundary: tokens (%); training figures: mean of the last 10 steps")
    print("written: " + ", ".join(str(file) for file in files))
    return 0
