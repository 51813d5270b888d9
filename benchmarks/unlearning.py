"""The demonstration over seeds: each metric's mean with a 95 % interval, a method a row, and a picture.

    for SEED in 0 1 2 3 4; do SEED=$SEED METHODS="palu palu_erase npo ..." bash recipes/unlearn.sh; done
    .venv/bin/python -m benchmarks.unlearning runs/unlearning/report-* --output benchmarks/results/unlearning.md

A seed is another world: other authors, weights and order of rows. The intervals within a seed are in its own report.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import arguments_of, publish, students
from dgpo.evaluation.statistics import Interval
from dgpo.tables import Table
from dgpo.unlearning.judge import NAMES, metric_cells, picture


def over_seeds(name: str, values: Sequence[float]) -> Interval:
    """The mean with Student's interval; of forget qualities, p-values over orders of magnitude, the median with the
    least and the greatest."""
    if name == "forget_quality":
        return Interval(float(np.median(values)), min(values), max(values))
    return students(values)


def methods_of(reports: Sequence[Path]) -> dict[str, dict[str, Interval]]:
    """By method and metric, of report folders whose models are called METHOD-SEED."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for folder in reports:
        for model, metrics in json.loads((folder / "report.json").read_text()).items():
            for name, value in metrics.items():
                found[model.rpartition("-")[0]][name].append(value["value"])
    return {
        method: {name: over_seeds(name, values) for name, values in metrics.items()}
        for method, metrics in found.items()
    }


def table_of(methods: Mapping[str, Mapping[str, Interval]], seeds: int) -> Table:
    names = [name for name in NAMES if any(name in metrics for metrics in methods.values())]
    rows = [[method, *metric_cells(map(metrics.get, names))] for method, metrics in methods.items()]
    return Table(["method", *(NAMES[name] for name in names)], rows, f"Unlearning in small, {seeds} seeds")


if __name__ == "__main__":
    parser = arguments_of(__doc__)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--picture", type=Path, help="file of utility against KS distance")
    arguments = parser.parse_args()
    methods = methods_of(arguments.reports)
    publish(arguments.output, table_of(methods, len(arguments.reports)))
    if arguments.picture:
        picture(methods, arguments.picture)
