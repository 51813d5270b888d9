"""The quick start's figures: three seeds, and the same run with the learning rate at zero.

    python -m benchmarks.quickstart --seeds 0 1 2 --out benchmarks/results/quickstart.json

Needs the files of ``bash recipes/quickstart.sh`` for each seed (problems and warm-started models). Accuracy, boundary
tokens and probabilities are of the runs themselves; memory is the peak, sampled every 15 s, of the proportional set
size (shared pages counted once) of all processes of a run; start-up is the time to the first optimiser step.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.runs.report import read_run, summary

SAMPLE_S = 15.0


def processes(run: Path, driver: int) -> list[psutil.Process]:
    """The driver, its descendants, and those that Ray has detached from it but started with the run's environment."""
    found = {}
    for process in psutil.process_iter():
        try:
            if process.pid == driver or process.environ().get("WANDB_DIR") == str(run):
                found[process.pid] = process
                found.update((child.pid, child) for child in process.children(recursive=True))
        except psutil.Error:
            continue
    return list(found.values())


def memory(run: Path, driver: int) -> int:
    """Proportional set size of all processes of a run, in bytes."""
    total = 0
    for process in processes(run, driver):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def measure(name: str, seed: int, overrides: list[str]) -> dict[str, Any]:
    """Train once and report; a run that was done earlier is reported without what only watching it tells."""
    run = RunFolder(f"runs/quickstart/{name}")
    done_earlier = run.metrics.is_dir()
    command = [sys.executable, "-m", "dgpo.train", f"seed={seed}", f"run.name={name}", *overrides]
    started, peak, first_step = time.monotonic(), 0, None
    process = subprocess.Popen(command)
    sampled = started
    while process.poll() is None:
        time.sleep(1)
        # Seldom: reading the memory maps of all processes costs the run what it measures.
        if time.monotonic() - sampled > SAMPLE_S:
            sampled = time.monotonic()
            peak = max(peak, memory(run.path, process.pid))
        if not done_earlier and first_step is None and run.metrics.is_dir() and 1 in history(run):
            first_step = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed; see {run.log}")
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
        "seconds_to_first_step": first_step,
        "seconds": None if done_earlier else time.monotonic() - started,
        "peak_memory_gib": None if done_earlier else peak / 2**30,
    }


def table(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = [
        "| run | mean@8 before | after | points | LN + HP tokens | max prob. difference | s/step "
        "| first step (s) | whole run (s) | memory (GiB) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r['run']} | {100 * r['mean_before']:.1f} | {100 * r['mean_after']:.1f} ± "
            f"{100 * r['standard_error_after']:.1f} | {100 * (r['mean_after'] - r['mean_before']):+.1f} | "
            f"{r['boundary_share_mean']:.3%} | {r['rollout_probs_diff_max']:.1e} | "
            f"{r['seconds_per_step_median']:.1f} | {cell(r['seconds_to_first_step'], '.0f')} | "
            f"{cell(r['seconds'], '.0f')} | {cell(r['peak_memory_gib'], '.1f')} |"
        )
    return "\n".join(lines) + "\n"


def cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/quickstart.json"))
    arguments = parser.parse_args()
    plans = [(f"dgpo-{seed}", seed, []) for seed in arguments.seeds]
    frozen = arguments.seeds[0]
    # Ten steps: a model that does not change needs no more.
    frozen_overrides = ["actor_rollout_ref.actor.optim.lr=0", "trainer.total_training_steps=10"]
    plans.append((f"frozen-{frozen}", frozen, frozen_overrides))
    # What the file holds is kept: runs can be measured one at a time.
    results = json.loads(arguments.out.read_text())["results"] if arguments.out.exists() else []
    for name, seed, overrides in plans:
        if any(result["run"] == name for result in results):
            continue
        results.append(measure(name, seed, overrides))
        machine = f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.machine()}"
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
        arguments.out.with_suffix(".md").write_text(f"{machine}\n\n{table(results)}")
    print(table(results))


if __name__ == "__main__":
    main()
