"""`dgpo lab compare`: methods × rates × seeds of small policies; tables, figures, and a verdict for each claim."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dgpo.errors import UserError
from dgpo.evaluation.statistics import Interval, interquartile_mean, middle_mean
from dgpo.files import make_folder
from dgpo.losses import Method
from dgpo.progress import ProgressBar
from dgpo.studies import records
from dgpo.studies.analysis import ACCURACY, SPIKES, K, MethodRuns, Study, at_level, figures, verdicts
from dgpo.studies.contenders import contenders
from dgpo.studies.figures import draw_curves, draw_rates
from dgpo.studies.threads import one_thread
from dgpo.studies.training import SETTINGS, Run, Setting, pretrain, train
from dgpo.tables import Table, write_tables

STACK = 40
"""Runs computed together: more are not faster, and more would be lost when a study is stopped."""


@one_thread()
def study_compare(
    methods: Sequence[str],
    out: Path,
    *,
    rates: Sequence[float],
    seeds: Sequence[int],
    setting: str,
    steps: int | None,
    reference: str,
    module: str | None,
) -> list[Path]:
    """Train the runs that are missing in ``out``, and write compare.md, .json and two figures there.

    Args:
        methods: as `contenders` reads them, after an import of `module`.
        rates, seeds: for every method. A seed determines teacher, first policy, problems and draws.
        setting: a key of `SETTINGS`; `steps` replaces its number of steps.
        reference: one of `methods`, with which the others are compared.

    Raises:
        UserError: as `contenders`, or a value out of its range, or a folder of another study.
    """
    chosen = contenders(methods, module)
    how = checked(list(chosen), rates, seeds, setting, steps, reference)
    make_folder(out, "--out")
    records.claim(out, how, chosen)
    seconds = run_missing(chosen, out, rates, seeds, how)
    runs = {name: [[records.read(out, Run(name, rate, seed)) for seed in seeds] for rate in rates] for name in chosen}
    study = Study(chosen, {name: MethodRuns(of_method) for name, of_method in runs.items()}, rates, reference)
    judged = verdicts(study)
    head = ("claim", "verdict", "grounds")
    claims = [tuple(vars(each).values()) for each in judged]
    tables = [
        methods_table(study),
        rates_table(study),
        matched_table(study),
        Table(head, claims, f"The claims, for {reference}"),
    ]
    content = {
        "setting": vars(how),
        "rates": list(rates),
        "seeds": list(seeds),
        "reference": reference,
        "level": study.level,
        "methods": {name: numbers(name, study) for name in study.methods},
        "verdicts": [vars(each) for each in judged],
    }
    files = write_tables(out / "compare", tables, content)
    files += draw_rates(study, out / "rates") + draw_curves(study, how, out / "curves")
    if seconds:
        print(f"{seconds:.0f} s of computing in this call")
    return files


def checked(
    names: Sequence[str], rates: Sequence[float], seeds: Sequence[int], setting: str, steps: int | None, reference: str
) -> Setting:
    """The setting of a study; UserError where an option is invalid."""
    if setting not in SETTINGS:
        raise UserError(f"--setting={setting}: choose one of {', '.join(SETTINGS)}")
    if reference not in names:
        raise UserError(f"--reference={reference}: it is none of the methods {' '.join(names)}; name one of them")
    if not all(0 < rate < 1 for rate in rates) or not rates or len(set(rates)) < len(rates):
        raise UserError(f"--rates {' '.join(map(str, rates))}: they must be above 0 and below 1, and each named once")
    if not seeds or min(seeds) < 0:
        raise UserError(f"--seeds={len(seeds)}: it must be at least 1, and --first-seed at least 0")
    if steps is not None and steps < 2:
        raise UserError(f"--steps={steps}: it must be at least 2")
    return SETTINGS[setting] if steps is None else replace(SETTINGS[setting], steps=steps)


def run_missing(
    methods: Mapping[str, Method], out: Path, rates: Sequence[float], seeds: Sequence[int], setting: Setting
) -> float:
    """Train the runs that are missing in ``out``; returns the seconds of processor time."""
    started = time.process_time()
    cells = [[Run(name, rate, seed) for rate in rates for seed in seeds] for name in methods]
    missing = [[run for run in runs if not records.metrics_file(out, run).exists()] for runs in cells]
    stacks = [runs[at : at + STACK] for runs in missing for at in range(0, len(runs), STACK)]
    if not stacks:
        return 0.0
    new = [seed for seed in seeds if not records.base(out, seed).exists()]
    if new:
        records.keep_bases(out, new, pretrain(new))
    bases = {seed: torch.from_numpy(np.load(records.base(out, seed))) for seed in seeds}
    total = sum(map(len, cells))
    with ProgressBar("runs", total, total - sum(map(len, stacks))) as bar:
        for stack in stacks:
            method = methods[stack[0].method]
            start = torch.stack([bases[run.seed] for run in stack])
            history = []
            for metrics in train(method, [run.rate for run in stack], [run.seed for run in stack], start, setting):
                history.append({key: values.tolist() for key, values in metrics.items()})
                bar.advance(0)
            for place, run in enumerate(stack):
                steps = [{key: values[place] for key, values in metrics.items()} for metrics in history]
                records.write(out, run, method, setting, steps)
            bar.advance(len(stack))
    return time.process_time() - started


def methods_table(study: Study) -> Table:
    """A row for each method, best first: figures at its best rate, and differences from the reference over seeds."""
    rows, methods, reference = [], study.methods, study.reference
    for name in sorted(methods, key=lambda each: -middle_mean(methods[each].last(ACCURACY))):
        cells = [figure.text() for figure in figures(methods[name]).values()]
        rate = f"{study.rates[methods[name].best]:g}"
        paired = ("–",) * 4
        if name != reference:
            one, other = (differences[name] for differences in study.compared.values())
            paired = (one.text("+.3f"), f"{one.p:.2g}", f"{one.improved:.2f}", f"{other.text('+.3f')}, q {other.p:.2g}")
        rows.append((name, rate, *cells, *paired))
    head = ("method", "rate", "avg@k", f"pass@{K}", "entropy")
    head += (f"avg minus {reference}", "q", "better", f"pass@{K} minus")
    seeds = len(methods[reference].judged)
    note = (
        f"{seeds} seeds, each a teacher, a first policy, problems and draws of its own, shared by the methods. "
        "Interquartile means with 95 % intervals (bootstrap over seeds), at the rate with the best mean "
        "accuracy. Differences are means over paired seeds, q their rate of false discoveries (sign flips, "
        "Benjamini-Hochberg), better the share of seeds with more. Accuracy and pass@k are expectations over samples, "
        "computed without sampling."
    )
    return Table(head, rows, "Methods at their best rates", [note], whole=("method",))


def rates_table(study: Study) -> Table:
    """A row for each method: accuracy at each rate, collapsed runs, and the largest gradient norms."""
    rows = []
    for name, method in study.methods.items():
        spikes = np.median(method.largest(SPIKES), axis=1)
        cells = []
        for row, collapsed, spike in zip(method.ends(ACCURACY), method.collapsed, spikes, strict=True):
            lost = f", {collapsed.sum()} of {collapsed.size} collapsed" if collapsed.any() else ""
            cells.append(f"{middle_mean(row):.3f} ({spike:.3g}{lost})")
        rows.append((name, *cells))
    head = ("method", *(f"{rate:g}" for rate in study.rates))
    note = (
        "avg@k at the end, interquartile mean (in brackets the largest gradient norm of a run, median over seeds). "
        "A run that ends below half of its best accuracy has collapsed."
    )
    return Table(head, rows, "Learning rates", [note], whole=("method",))


def matched_table(study: Study) -> Table:
    """A row for each method: steps, entropy and pass@k where accuracy first reaches the study's level."""
    rows = []
    for name, method in study.methods.items():
        matched = at_level(method, study.level)
        forms = (".1f", ".3f", ".3f")
        texts = [interquartile_mean(each).text(form) for each, form in zip(matched.values(), forms, strict=True)]
        rows.append((name, *texts, f"{np.isfinite(matched['steps']).sum()} of {len(method.judged)}"))
    head = ("method", "steps", "entropy", f"pass@{K}", "runs that reach it")
    return Table(head, rows, f"At accuracy {study.level:.3f}", whole=("method",))


def numbers(name: str, study: Study) -> dict[str, Any]:
    """The figures of a method behind the tables, for JSON."""

    def listed(values: np.ndarray) -> list[Any]:
        return np.atleast_2d(values).round(4).tolist()

    def interval(each: Interval) -> dict[str, float]:
        return {key: round(value, 4) for key, value in vars(each).items()}

    method, reference = study.methods[name], study.reference
    found: dict[str, Any] = {key: interval(figure) for key, figure in figures(method).items()}
    found |= {"final": listed(method.ends(ACCURACY)), "collapsed": method.collapsed.astype(int).tolist()}
    found |= {"rate": study.rates[method.best], "spikes": listed(method.largest(SPIKES))}
    found["at_level"] = {key: listed(values)[0] for key, values in at_level(method, study.level).items()}
    if name != reference:
        found |= {f"{key} minus {reference}": interval(each[name]) for key, each in study.compared.items()}
    return found
