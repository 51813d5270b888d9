"""``dgpo eval report``: evaluations side by side, in the terminal, as JSON, Markdown and pictures."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from dgpo.evaluation import tables
from dgpo.evaluation.differences import Difference, paired_difference
from dgpo.evaluation.error import EvalError
from dgpo.evaluation.figures import BenchmarkFigures, Evaluation, macro_average, read_evaluation
from dgpo.files import replace_json


def read_all(folders: Sequence[Path], names: Sequence[str] | None, ks: Sequence[int] | None) -> list[Evaluation]:
    """The evaluations, under the names given or those of their folders.

    Raises:
        EvalError: one cannot be reported, names do not fit, or two have different problems under one name.
    """
    chosen = list(names) if names is not None else [folder.resolve().name for folder in folders]
    if len(chosen) != len(folders) or len(set(chosen)) < len(chosen):
        raise EvalError(
            f"--names={','.join(chosen)}: give {len(folders)} different names, one for each of "
            f"{', '.join(str(folder) for folder in folders)}"
        )
    evaluations = [read_evaluation(folder, name, ks) for folder, name in zip(folders, chosen, strict=True)]
    first = evaluations[0]
    for other in evaluations[1:]:
        for name in other.benchmarks.keys() & first.benchmarks.keys():
            hashes = [each.settings["benchmarks"][name]["content_hash"] for each in (first, other)]
            if hashes[0] != hashes[1]:
                raise EvalError(
                    f"{name}: {first.folder} (content_hash {hashes[0][:12]}) and {other.folder} ({hashes[1][:12]}) "
                    "have different problems under this name; evaluate both on the same file"
                )
    return evaluations


def compare_with_first(evaluations: Sequence[Evaluation]) -> list[tuple[str, str, str, Difference]]:
    """(first, other, benchmark, difference of avg@n) for each shared benchmark and their macro average."""
    first, found = evaluations[0], []
    for other in evaluations[1:]:
        shared = tables.shared_benchmarks([first, other])
        pairs = [(first.benchmarks[name].accuracy, other.benchmarks[name].accuracy) for name in shared]
        for name, pair in zip(shared, pairs, strict=True):
            found.append((first.name, other.name, name, paired_difference([pair[0]], [pair[1]])))
        if len(shared) > 1:
            both = paired_difference([pair[0] for pair in pairs], [pair[1] for pair in pairs])
            found.append((first.name, other.name, tables.MACRO, both))
    return found


def write_report(evaluations: Sequence[Evaluation], folder: Path, console: Console) -> dict[str, Any]:
    """Write report.json, report.md and the pictures into `folder`, show the tables; the content of report.json."""
    from dgpo.evaluation.plots import draw

    folder.mkdir(parents=True, exist_ok=True)
    differences = compare_with_first(evaluations)
    shown = [tables.accuracy(evaluations), tables.responses(evaluations)]
    if differences:
        shown.append(tables.comparisons(differences))
    optional = (tables.different_settings(evaluations), tables.references(evaluations))
    shown += [table for table in optional if table is not None]
    summary = summarise(evaluations, differences)
    replace_json(folder / "report.json", summary)
    draw(evaluations, folder)
    pictures = "\n".join(f"![{name}]({name}.png)\n" for name in ("accuracy", "pass_at_k", "lengths"))
    title = " and ".join(each.name for each in evaluations)
    every = [*shown, tables.by_k(evaluations), tables.settings(evaluations)]
    text = f"# Evaluation of {title}\n\n{pictures}\n" + "\n".join(table.markdown() for table in every)
    (folder / "report.md").write_text(text, encoding="utf-8")
    for table in shown:
        table.show(console)
    return summary


def summarise(
    evaluations: Sequence[Evaluation], differences: Sequence[tuple[str, str, str, Difference]]
) -> dict[str, Any]:
    """The report as JSON."""
    shared = tables.shared_benchmarks(evaluations)
    return {
        "models": {
            each.name: {
                "folder": str(each.folder),
                "benchmarks": {name: _figures(figures) for name, figures in each.benchmarks.items()},
                "macro_average": {
                    "over": shared,
                    "avg": asdict(macro_average([each.benchmarks[name].avg for name in shared])),
                }
                if shared
                else None,
                "settings": each.settings,
                "scoring": each.scoring,
            }
            for each in evaluations
        },
        "differences": [
            {"first": first, "second": second, "benchmark": name, **asdict(difference)}
            for first, second, name, difference in differences
        ],
    }


def _figures(figures: BenchmarkFigures) -> dict[str, Any]:
    return {
        "problems": len(figures.ids),
        "samples": figures.samples,
        "avg": {**asdict(figures.avg), "error_over_samples": figures.avg_error_over_samples},
        "pass_at": {str(k): asdict(each) for k, each in figures.pass_at.items()},
        "majority_at": {str(k): asdict(each) for k, each in figures.majority_at.items()},
        "length": {
            "mean": float(figures.lengths.mean()),
            **{f"p{q}": float(np.percentile(figures.lengths, q)) for q in (50, 90, 99)},
            "max": int(figures.lengths.max()),
        },
        "truncated": figures.truncated,
        "without_answer": figures.without_answer,
        "reasons": figures.reasons,
    }


def log_to_wandb(evaluations: Sequence[Evaluation], summary: dict[str, Any], folder: Path, project: str) -> None:
    """A W&B run for each model, with its figures as summary and the report's pictures; offline without a login."""
    import wandb

    from dgpo.runs.trackers import logged_in_to_wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if logged_in_to_wandb() else "offline")
    for evaluation in evaluations:
        with wandb.init(
            project=project,
            name=evaluation.name,
            job_type="eval",
            config={**evaluation.settings, "scoring": evaluation.scoring},
            dir=folder,
            mode=mode,  # pyright: ignore[reportArgumentType]  (the user's own word, which W&B checks)
        ) as run:
            for name, figures in summary["models"][evaluation.name]["benchmarks"].items():
                run.summary[f"eval/{name}"] = figures
            run.log({name: wandb.Image(str(folder / f"{name}.png")) for name in ("accuracy", "pass_at_k", "lengths")})


def main(argv: Sequence[str] | None = None) -> int:
    """Report; 0 when written, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="dgpo eval report", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="of `dgpo eval run`, scored; the first is compared with")
    parser.add_argument("--names", help="of the models, with commas between; the folders' names without it")
    parser.add_argument("--out", type=Path, help="folder of the report; report/ in the first folder without it")
    parser.add_argument(
        "--k",
        help="for pass@k and maj@k, with commas between, besides the number of samples n; 1, 2, 4, ... without it",
    )
    parser.add_argument("--wandb", metavar="PROJECT", help="log to this W&B project too, offline without a login")
    arguments = parser.parse_args(argv)
    out: Path = arguments.out or arguments.folders[0] / "report"
    try:
        names = arguments.names.split(",") if arguments.names else None
        evaluations = read_all(arguments.folders, names, _numbers(arguments.k))
        summary = write_report(evaluations, out, Console())
    except EvalError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.wandb:
        log_to_wandb(evaluations, summary, out, arguments.wandb)
    print(f"written: {out}/report.md, report.json and pictures")
    return 0


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise EvalError(f"--k={text}: give whole numbers with commas between, such as 1,8,32") from error
