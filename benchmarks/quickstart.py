"""The quick start's figures: three seeds, and the same run with the learning rate at zero.

    python -m benchmarks.quickstart --seeds 0 1 2 --output benchmarks/results/quickstart.md

Needs the files of ``bash recipes/quickstart.sh`` for each seed (problems and warm-started models). Accuracy, boundary
tokens and probabilities are of the runs themselves; memory is the peak, sampled every 15 s, of the proportional set
size (shared pages counted once) of all processes of a run; start-up is the time to the first optimiser step.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common import RESULTS, arguments_of, machine, publish, tree, watched
from dgpo.files import replace_json
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.runs.report import read_run, summary
from dgpo.tables import Table

SAMPLE_S = 15.0


def processes(run: Path, driver: int) -> list[psutil.Process]:
    """The driver, its descendants, and those that Ray has detached from it but started with the run's environment."""
    found = {process.pid: process for process in tree(driver)}
    for process in psutil.process_iter():
        try:
            if process.environ().get("WANDB_DIR") == str(run):
                found.update((each.pid, each) for each in tree(process.pid))
        except psutil.Error:
            continue
    return list(found.values())


def measure(name: str, seed: int, overrides: list[str]) -> dict[str, Any]:
    """Train once and report; a run that was done earlier is reported without what only watching it tells."""
    run = RunFolder(f"runs/quickstart/{name}")
    done_earlier = run.metrics.is_dir()
    command = [sys.executable, "-m", "dgpo.cli", "train", f"seed={seed}", f"run.name={name}", *overrides]
    first_step: list[float] = []

    def look(seconds: float) -> None:
        if not done_earlier and not first_step and run.metrics.is_dir() and 1 in history(run):
            first_step.append(seconds)

    seconds, peak = watched(command, SAMPLE_S, partial(processes, run.path), look)
    figures = summary(read_run(run.path))
    first, last = figures["validations"][0], figures["validations"][-1]
    return {
        "run": name,
        "seed": seed,
        "overrides": overrides,
        "mean_before": first["mean"],
        "mean_after": last["mean"],
        "standard_error_after": last["error"],
        "pass_before": first["best"],
        "pass_after": last["best"],
        "boundary_share_mean": figures["boundary_share_mean"],
        "entropy_last": figures["entropy_last"],
        "rollout_probs_diff_max": figures["rollout_probs_diff_max"],
        "seconds_per_step_median": figures["seconds_per_step_median"],
        "seconds_to_first_step": first_step[0] if first_step else None,
        "seconds": None if done_earlier else seconds,
        "peak_memory_gib": None if done_earlier else peak / 2**30,
    }


def table(results: list[dict[str, Any]]) -> Table:
    head = ("run", "mean@8 before", "after", "points", "LN + HP tokens", "max prob. difference", "s/step")
    rows = [
        (
            r["run"],
            f"{100 * r['mean_before']:.1f}",
            f"{100 * r['mean_after']:.1f} ± {100 * r['standard_error_after']:.1f}",
            f"{100 * (r['mean_after'] - r['mean_before']):+.1f}",
            f"{r['boundary_share_mean']:.3%}",
            f"{r['rollout_probs_diff_max']:.1e}",
            f"{r['seconds_per_step_median']:.1f}",
            cell(r["seconds_to_first_step"], ".0f"),
            cell(r["seconds"], ".0f"),
            cell(r["peak_memory_gib"], ".1f"),
        )
        for r in results
    ]
    return Table((*head, "first step (s)", "whole run (s)", "memory (GiB)"), rows)


def cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "quickstart.md")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    plans = [(f"dgpo-{seed}", seed, []) for seed in arguments.seeds]
    frozen = arguments.seeds[0]
    # Ten steps: a model that does not change needs no more.
    frozen_overrides = ["actor_rollout_ref.actor.optim.lr=0", "trainer.total_training_steps=10"]
    plans.append((f"frozen-{frozen}", frozen, frozen_overrides))
    # What the file holds is kept: runs can be measured one at a time.
    kept = arguments.output.with_suffix(".json")
    results = json.loads(kept.read_text())["results"] if kept.exists() else []
    for name, seed, overrides in plans:
        if any(result["run"] == name for result in results):
            continue
        results.append(measure(name, seed, overrides))
        publish(arguments.output, table(results), about=machine())
        replace_json(kept, {"machine": machine(), "results": results})


if __name__ == "__main__":
    main()
