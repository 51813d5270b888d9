"""``dgpo compare RUN ...``: runs side by side, seeds of one method together: a table, and curves over steps."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dgpo.analysis.run_report import ReportError, markdown, plain
from dgpo.trainer.best import validation_score
from dgpo.trainer.progress import boundary_share
from dgpo.trainer.run_folder import RunFolder, history

HEADER = ("method", "runs", "steps", "first", "last", "best", "reward", "entropy", "boundary", "grad norm", "")
# Steps at the end of a run over which training figures are averaged.
TAIL = 10

Steps = Mapping[int, Mapping[str, Any]]


def method_of(run: Path) -> str:
    """The policy loss of a run, with what tells its variants apart, from the config it ran with.

    Raises:
        ReportError: there is no such config.
    """
    try:
        loss = yaml.safe_load((run / "config.yaml").read_text())["actor_rollout_ref"]["actor"]["policy_loss"]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise ReportError(f"{run}: its config.yaml cannot be read ({error}); is it a run folder?") from error
    own = ("n", "m", "beta1", "beta2", "alpha", "beta", "sigma_base", "one_sided")
    values = [f"{key}={loss[key]}" for key in own if loss.get(key) not in (None, False)]
    name = loss["loss_mode"].removeprefix("dgpo_")
    return f"{name} ({', '.join(values)})" if values else name


def read_runs(runs: Sequence[Path]) -> dict[str, list[Steps]]:
    """Metrics by step of each run, by method.

    Raises:
        ReportError: one of them has none.
    """
    found: dict[str, list[Steps]] = defaultdict(list)
    for run in runs:
        steps = history(RunFolder(run))
        if not steps:
            raise ReportError(f"{run}: there are no metrics/*.jsonl with a step in them; is it a run folder?")
        found[method_of(run)].append(steps)
    return dict(found)


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
    """A row a method: mean over its runs, ± their standard deviation where there are several."""
    forms = {"first": "%", "last": "%", "best": "%", "boundary": "%", "steps": ".0f"}
    made: list[tuple[str, ...]] = []
    for method, histories in runs.items():
        values = [figures(steps) for steps in histories]
        cells = [_cell([each[name] for each in values], forms.get(name, ".3f")) for name in HEADER[2:-1]]
        made.append((method, str(len(values)), *cells, ""))
    return made


def _cell(values: list[float], form: str) -> str:
    scale, digits = (100.0, ".2f") if form == "%" else (1.0, form)
    text = format(scale * float(np.mean(values)), digits)
    return f"{text} ± {scale * float(np.std(values, ddof=1)):{digits}}" if len(values) > 1 else text


def plot(runs: Mapping[str, Sequence[Steps]], files: Sequence[Path]) -> None:
    """Four curves over steps, a colour a method: the mean of its runs, and each run behind it."""
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
        for number, (method, histories) in enumerate(runs.items()):
            by_step: dict[int, list[float]] = defaultdict(list)
            for steps in histories:
                points = {step: value for step, metrics in steps.items() if (value := read(metrics)) is not None}
                axes.plot(list(points), list(points.values()), color=f"C{number}", alpha=0.25, linewidth=0.8)
                for step, value in points.items():
                    by_step[step].append(value)
            mean = {step: float(np.mean(by_step[step])) for step in sorted(by_step)}
            axes.plot(list(mean), list(mean.values()), color=f"C{number}", label=method, linewidth=1.6)
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
        runs = read_runs(arguments.runs)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = [arguments.out / f"compare{suffix}" for suffix in (".md", ".json", ".png", ".svg")]
    made = table(runs)
    files[0].write_text(markdown(made, HEADER))
    # JSON has no NaN: what a run does not have is null.
    by_method = {
        method: [{k: v if np.isfinite(v) else None for k, v in figures(steps).items()} for steps in histories]
        for method, histories in runs.items()
    }
    files[1].write_text(json.dumps(by_method, indent=1) + "\n")
    plot(runs, files[2:])
    print(plain(made, HEADER))
    print("\nfirst, last, best: validation (%); boundary: tokens (%); training figures: mean of the last 10 steps")
    print("written: " + ", ".join(str(file) for file in files))
    return 0
