"""The report's tables: made once as text, shown in a terminal and written as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from dgpo.evaluation.differences import FEWEST, Difference
from dgpo.evaluation.figures import BenchmarkFigures, Estimate, Evaluation, macro_average
from dgpo.evaluation.reference import references_for, size_of
from dgpo.evaluation.settings import flatten

MACRO = "macro average"
ABSENT = "–"
LEFT = ("benchmark", "model", "models", "source", "key")
"""Headings of columns of words."""


@dataclass(frozen=True)
class Table:
    """A title, a row of headings, rows of cells, and notes below."""

    title: str
    head: list[str]
    rows: list[list[str]]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """As Markdown."""
        cells = [[cell.replace("|", "\\|").replace("\n", "\\n") for cell in row] for row in self.rows]
        lines = [f"## {self.title}", "", "| " + " | ".join(self.head) + " |", "|---" * len(self.head) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)])

    def show(self, console: Console) -> None:
        """On a terminal."""
        table = RichTable(
            title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for heading in self.head:
            table.add_column(heading, justify="left" if heading in LEFT else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*[cell.replace("[", "\\[") for cell in row])
        console.print(table)
        for note in self.notes:
            console.print(note, style="dim", markup=False, highlight=False)


def shared_benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    """The benchmarks that all have, in the first one's order: what macro averages are over."""
    return [name for name in evaluations[0].benchmarks if all(name in each.benchmarks for each in evaluations)]


def all_benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    """Every benchmark of any evaluation, in order of appearance."""
    return list(dict.fromkeys(name for each in evaluations for name in each.benchmarks))


def accuracy(evaluations: Sequence[Evaluation]) -> Table:
    """avg@n, pass@n and maj@n of each model on each benchmark, and their macro averages; n is a model's samples."""
    names, shared = all_benchmarks(evaluations), shared_benchmarks(evaluations)
    rows = []
    for name in names:
        for evaluation in evaluations:
            if name in evaluation.benchmarks:
                problems = str(len(evaluation.benchmarks[name].ids))
                rows.append([name, evaluation.name, problems, *_accuracies([evaluation.benchmarks[name]])])
    for evaluation in evaluations if len(shared) > 1 else []:
        rows.append([MACRO, evaluation.name, "", *_accuracies([evaluation.benchmarks[name] for name in shared])])
    notes = ["Per cent ± standard error over problems. pass@n is unbiased; maj@n is the majority vote's accuracy."]
    if len(shared) < len(names):
        notes.append(f"Macro average over {', '.join(shared) or 'nothing'}: the benchmarks that all models have.")
    return Table("Accuracy", ["benchmark", "model", "problems", "n", "avg@n", "pass@n", "maj@n"], rows, notes)


def _accuracies(figures: Sequence[BenchmarkFigures]) -> list[str]:
    n = figures[0].samples
    majority = [each.majority_at[n] for each in figures if each.majority_at]
    cells = [macro_average([each.avg for each in figures]), macro_average([each.pass_at[n] for each in figures])]
    return [str(n), *map(percent, cells), percent(macro_average(majority)) if majority else ABSENT]


def by_k(evaluations: Sequence[Evaluation]) -> Table:
    """pass@k and maj@k for every k."""
    rows = []
    for evaluation in evaluations:
        for name, figures in evaluation.benchmarks.items():
            for k in figures.pass_at:
                row = [evaluation.name, name, str(k), percent(figures.pass_at[k]), percent(figures.majority_at.get(k))]
                rows.append(row)
    return Table("pass@k and maj@k", ["model", "benchmark", "k", "pass@k", "maj@k"], rows)


def responses(evaluations: Sequence[Evaluation]) -> Table:
    """Lengths, truncation, and what the verifier could not judge."""
    rows = []
    for name in all_benchmarks(evaluations):
        for evaluation in evaluations:
            figures = evaluation.benchmarks.get(name)
            if figures is None:
                continue
            quantiles = " / ".join(f"{np.percentile(figures.lengths, q):.0f}" for q in (50, 90, 99))
            lengths = [f"{figures.lengths.mean():.1f}", quantiles, str(figures.lengths.max())]
            shares = [f"{100 * figures.truncated:.1f}", f"{100 * figures.without_answer:.1f}"]
            late = figures.reasons.get("timeout", 0) + figures.reasons.get("crash", 0)
            rows.append([name, evaluation.name, *lengths, *shares, str(late), str(figures.reasons.get("bad_gold", 0))])
    head = ["benchmark", "model", "tokens", "50/90/99 %", "max", "cut off %", "no answer %", "timeouts", "bad truths"]
    notes = [
        "Tokens of a response: mean, percentiles, maximum. Cut off: at max_tokens. Timeouts: answers, counted wrong, "
        "that the verifier gave up on. Bad truths: samples whose ground truth it cannot read."
    ]
    return Table("Responses", head, rows, notes)


def comparisons(differences: Sequence[tuple[str, str, str, Difference]]) -> Table:
    """(first model, second model, benchmark, difference) of avg@n."""
    rows = [
        [
            f"{second} − {first}",
            name,
            f"{100 * d.value:+.1f}",
            ABSENT if d.low is None or d.high is None else f"{100 * d.low:+.1f} to {100 * d.high:+.1f}",
            ABSENT if d.p is None else f"{d.p:.4f}",
        ]
        for first, second, name, d in differences
    ]
    notes = [
        "95 % interval: paired bootstrap over problems, 10,000 replicates; none with fewer than "
        f"{FEWEST} problems. p: sign-flip test over problems, two-sided; none for one problem."
    ]
    return Table(
        "Differences of avg@n (points)", ["models", "benchmark", "difference", "95 % interval", "p"], rows, notes
    )


def references(evaluations: Sequence[Evaluation]) -> Table | None:
    """Published figures beside ours, where model and benchmark match; None where none does."""
    names = all_benchmarks(evaluations)
    rows = []
    for evaluation in evaluations:
        size = size_of(evaluation.settings["model"])
        found = references_for(size, evaluation.benchmarks) if size else []
        if not found:
            continue
        ours = [percent(evaluation.benchmarks[n].avg) if n in evaluation.benchmarks else ABSENT for n in names]
        rows.append([evaluation.name, "this report", *ours])
        for each in found:
            trained = f"R1-Distill-Qwen-{size}" + ("" if each.method == "none" else f" + {each.method}")
            rows.append([trained, each.source, *(_number(each.accuracy.get(name)) for name in names)])
    if not rows:
        return None
    notes = [
        "A model counts as R1-Distill-Qwen of a size by its shape alone; others of that shape have other figures.",
        "A set-up is suspect where the untrained model is further away than two or three standard errors.",
    ]
    return Table("Published figures (avg@n, %)", ["model", "source", *names], rows, notes)


def settings(evaluations: Sequence[Evaluation]) -> Table:
    """Every setting of every model; where they differ the key has a star."""
    rows = [[key + (" *" if len(set(values)) > 1 else ""), *values] for key, values in _settings(evaluations).items()]
    notes = ["* differs between the models."] if len(evaluations) > 1 else []
    return Table("Settings", ["key", *(each.name for each in evaluations)], rows, notes)


def different_settings(evaluations: Sequence[Evaluation]) -> Table | None:
    """The settings, besides the model, in which the evaluations differ; None where they agree."""
    rows = [
        [key, *values]
        for key, values in _settings(evaluations).items()
        if len(set(values)) > 1 and not key.startswith("model.")
    ]
    notes = ["Differences of accuracy may come from these as well as from the models."]
    return Table("Settings that differ", ["key", *(each.name for each in evaluations)], rows, notes) if rows else None


def _settings(evaluations: Sequence[Evaluation]) -> dict[str, list[str]]:
    flat = []
    for each in evaluations:
        scoring = {key: each.scoring[key] for key in ("mode", "timeout", "versions")}
        flat.append(flatten({**each.settings, "scoring": scoring}))
    keys = dict.fromkeys(key for each in flat for key in each)
    return {key: [ABSENT if each.get(key) is None else str(each[key]) for each in flat] for key in keys}


def percent(estimate: Estimate | None) -> str:
    """Per cent with error; a dash for nothing."""
    if estimate is None:
        return ABSENT
    error = "" if estimate.error is None else f" ± {100 * estimate.error:.1f}"
    return f"{100 * estimate.value:.1f}{error}"


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"
