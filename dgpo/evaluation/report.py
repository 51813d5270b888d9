"""`dgpo eval report`: evaluations side by side, in the terminal, as JSON, Markdown and pictures."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.evaluation.figures import (
    BenchmarkFigures,
    Evaluation,
    all_benchmarks,
    by_benchmark,
    macro_average,
    read_evaluation,
    shared_benchmarks,
)
from dgpo.evaluation.reference import references_for
from dgpo.evaluation.statistics import FEWEST, Paired, paired_difference
from dgpo.files import differing, flatten, make_folder
from dgpo.tables import ABSENT, Table, settings_table, write_tables

MACRO = "macro average"
PICTURES = ("pass_at_k", "lengths")

Comparison = tuple[str, str, str, Paired]
"""First model, second model, benchmark, and their difference of avg@n."""


def report(
    folders: Sequence[Path],
    *,
    names: Sequence[str] | None = None,
    out: Path | None = None,
    ks: Sequence[int] | None = None,
    wandb_project: str | None = None,
) -> Path:
    """Show the tables, and write report.json, report.md and pictures; returns the folder that holds them.

    Args:
        folders: Scored evaluations; each is compared with the first.
        out: By default report/ in the first folder.
        names: Of the models, by default those of the folders.
        ks: See `read_evaluation`.
        wandb_project: Gets a run for each model.

    Raises:
        UserError: a folder cannot be reported, names do not fit, or two have different problems under one name.
    """
    from dgpo.evaluation.plots import draw

    out = out or folders[0] / "report"
    evaluations = _read_all(folders, names, ks)
    make_folder(out, "--out")
    differences = _compare_with_first(evaluations)
    settings, different = _settings(evaluations)
    tables = [_accuracy(evaluations), _responses(evaluations), _comparisons(differences), different]
    shown = [table for table in (*tables, _references(evaluations)) if table.rows]
    summary = _summary(evaluations, differences)
    pictures = "\n".join(f"![{name}]({name}.png)\n" for name in PICTURES)
    title = f"# Evaluation of {' and '.join(each.name for each in evaluations)}\n\n{pictures}\n"
    write_tables(out / "report", shown, summary, before=title, more=[_by_k(evaluations), settings])
    draw(evaluations, out)
    if wandb_project:
        _log_to_wandb(evaluations, summary, out, wandb_project)
    return out


def _read_all(folders: Sequence[Path], names: Sequence[str] | None, ks: Sequence[int] | None) -> list[Evaluation]:
    chosen = list(names) if names is not None else [folder.resolve().name for folder in folders]
    if len(chosen) != len(folders) or len(set(chosen)) < len(chosen):
        raise UserError(
            f"--names={','.join(chosen)}: give {len(folders)} different names, one for each of "
            f"{', '.join(str(folder) for folder in folders)}"
        )
    evaluations = [read_evaluation(folder, name, ks) for folder, name in zip(folders, chosen, strict=True)]
    first = evaluations[0]
    for other in evaluations[1:]:
        for name in other.benchmarks.keys() & first.benchmarks.keys():
            hashes = [each.settings.benchmarks[name].content_hash for each in (first, other)]
            if hashes[0] != hashes[1]:
                raise UserError(
                    f"{name}: {first.folder} (content_hash {hashes[0][:12]}) and {other.folder} ({hashes[1][:12]}) "
                    "have different problems under this name; evaluate both on the same file"
                )
    return evaluations


def _compare_with_first(evaluations: Sequence[Evaluation]) -> list[Comparison]:
    """(first, other, benchmark, difference of avg@n) for each shared benchmark and their macro average."""
    first, comparisons = evaluations[0], []
    for other in evaluations[1:]:
        shared = shared_benchmarks([first, other])
        averaged = {name: [name] for name in shared}
        if len(shared) > 1:
            averaged[MACRO] = shared
        for name, over in averaged.items():
            pair = ([each.benchmarks[name].accuracy for name in over] for each in (first, other))
            comparisons.append((first.name, other.name, name, paired_difference(*pair)))
    return comparisons


def _summary(evaluations: Sequence[Evaluation], differences: Sequence[Comparison]) -> dict[str, Any]:
    shared, models = shared_benchmarks(evaluations), {}
    for each in evaluations:
        averages = [each.benchmarks[name].avg for name in shared]
        macro = {"over": shared, "avg": asdict(macro_average(averages))} if shared else None
        models[each.name] = {
            "folder": str(each.folder),
            "benchmarks": {name: figures.summary() for name, figures in each.benchmarks.items()},
            "macro_average": macro,
            "settings": asdict(each.settings),
            "scoring": each.scoring,
        }
    keys = ("first", "second", "benchmark")
    return {
        "models": models,
        "differences": [{**dict(zip(keys, names, strict=True)), **asdict(each)} for *names, each in differences],
    }


def _log_to_wandb(evaluations: Sequence[Evaluation], summary: dict[str, Any], folder: Path, project: str) -> None:
    """A W&B run for each model, with its figures as summary and the report's pictures; offline without a login."""
    import wandb

    from dgpo.runs.folder import logged_in_to_wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if logged_in_to_wandb() else "offline")
    for evaluation in evaluations:
        with wandb.init(
            project=project,
            name=evaluation.name,
            job_type="eval",
            config={**asdict(evaluation.settings), "scoring": evaluation.scoring},
            dir=folder,
            mode=mode,  # pyright: ignore[reportArgumentType]  (the user's own word, which W&B checks)
        ) as run:
            for name, figures in summary["models"][evaluation.name]["benchmarks"].items():
                run.summary[f"eval/{name}"] = figures
            run.log({name: wandb.Image(str(folder / f"{name}.png")) for name in PICTURES})


def _accuracy(evaluations: Sequence[Evaluation]) -> Table:
    """avg@n, pass@n and maj@n of each model on each benchmark, and their macro averages; n is a model's samples."""
    names, shared = all_benchmarks(evaluations), shared_benchmarks(evaluations)
    rows = [
        [name, evaluation.name, str(figures.accuracy.size), *_accuracies([figures])]
        for name, _, evaluation, figures in by_benchmark(evaluations)
    ]
    for evaluation in evaluations if len(shared) > 1 else []:
        rows.append([MACRO, evaluation.name, "", *_accuracies([evaluation.benchmarks[name] for name in shared])])
    notes = ["Per cent ± standard error over problems. pass@n is unbiased; maj@n is the majority vote's accuracy."]
    if len(shared) < len(names):
        notes.append(f"Macro average over {', '.join(shared) or 'nothing'}: the benchmarks that all models have.")
    head = ["benchmark", "model", "problems", "n", "avg@n", "pass@n", "maj@n"]
    return Table(head, rows, "Accuracy", notes)


def _accuracies(figures: Sequence[BenchmarkFigures]) -> list[str]:
    n = figures[0].samples
    majority = [each.majority_at[n] for each in figures if each.majority_at]
    several = [each.avg for each in figures], [each.pass_at[n] for each in figures], majority
    return [str(n), *(macro_average(each).percent() if each else ABSENT for each in several)]


def _by_k(evaluations: Sequence[Evaluation]) -> Table:
    rows = [
        [
            name,
            evaluation.name,
            str(k),
            value.percent(),
            figures.majority_at[k].percent() if figures.majority_at else ABSENT,
        ]
        for name, _, evaluation, figures in by_benchmark(evaluations)
        for k, value in figures.pass_at.items()
    ]
    return Table(["benchmark", "model", "k", "pass@k", "maj@k"], rows, "pass@k and maj@k")


def _responses(evaluations: Sequence[Evaluation]) -> Table:
    """Lengths, truncation, and what the verifier could not judge."""
    rows = []
    for name, _, evaluation, figures in by_benchmark(evaluations):
        mean, *quantiles, longest = figures.length.values()
        lengths = [f"{mean:.1f}", " / ".join(f"{each:.0f}" for each in quantiles), str(longest)]
        shares = [f"{100 * figures.truncated:.1f}", f"{100 * figures.without_answer:.1f}"]
        counts = [str(figures.reasons.get(reason, 0)) for reason in ("timeout", "bad_gold")]
        rows.append([name, evaluation.name, *lengths, *shares, *counts])
    head = ["benchmark", "model", "tokens", "50/90/99 %", "max", "cut off %", "no answer %", "timeouts", "bad truths"]
    notes = [
        "Tokens of a response: mean, percentiles, maximum. Cut off: at max_tokens. Timeouts: answers, counted wrong, "
        "that the verifier gave up on. Bad truths: samples whose ground truth it cannot read."
    ]
    return Table(head, rows, "Responses", notes)


def _comparisons(differences: Sequence[Comparison]) -> Table:
    rows = [
        [
            f"{second} − {first}",
            name,
            f"{100 * d.value:+.1f}",
            ABSENT if isnan(d.low) else f"{100 * d.low:+.1f} to {100 * d.high:+.1f}",
            ABSENT if isnan(d.p) else f"{d.p:.4f}",
        ]
        for first, second, name, d in differences
    ]
    notes = [
        "95 % interval: paired bootstrap over problems, 10,000 replicates; none with fewer than "
        f"{FEWEST} problems. p: sign-flip test over problems, two-sided; none for one problem."
    ]
    head = ["models", "benchmark", "difference", "95 % interval", "p"]
    return Table(head, rows, "Differences of avg@n (points)", notes)


def _references(evaluations: Sequence[Evaluation]) -> Table:
    """Published figures beside ours, where model and benchmark match."""
    names = all_benchmarks(evaluations)
    rows = []
    for evaluation in evaluations:
        references = references_for(evaluation.settings.model, evaluation.benchmarks)
        if references:
            ours = [evaluation.benchmarks[n].avg.percent() if n in evaluation.benchmarks else ABSENT for n in names]
            rows.append([evaluation.name, "this report", *ours])
        for each in references:
            trained = f"R1-Distill-Qwen-{each.size}" + ("" if each.method == "none" else f" + {each.method}")
            theirs = [f"{each.accuracy[name]:.1f}" if name in each.accuracy else ABSENT for name in names]
            rows.append([trained, each.source, *theirs])
    notes = [
        "A model counts as R1-Distill-Qwen of a size by its shape alone; others of that shape have other figures.",
        "A set-up is suspect where the untrained model is further away than two or three standard errors.",
    ]
    return Table(["model", "source", *names], rows, "Published figures (avg@n, %)", notes)


def _settings(evaluations: Sequence[Evaluation]) -> tuple[Table, Table]:
    """Every setting of every model, by its dotted key; and those that differ, without the model's own."""
    settings = {}
    for each in evaluations:
        scoring = {key: each.scoring[key] for key in ("mode", "timeout", "versions")}
        settings[each.name] = flatten({**asdict(each.settings), "scoring": scoring})
    star = ["* differs between the models."] if len(evaluations) > 1 else []
    why = ["Differences of accuracy may come from these as well as from the models."]
    keys = [key for key in differing([*settings.values()]) if not key.startswith("model.")]
    return settings_table(settings, "Settings", star), settings_table(settings, "Settings that differ", why, keys)
