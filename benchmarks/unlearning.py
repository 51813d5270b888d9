"""The demonstration over seeds: each metric's median, least and greatest, a method a row.

    for SEED in 0 1 2 3 4; do SEED=$SEED METHODS="palu palu_erase npo ..." bash recipes/unlearn.sh; done
    .venv/bin/python -m benchmarks.unlearning runs/unlearning/report-* --output benchmarks/results/unlearning.md

A seed is another world: other authors, weights and order of rows. The intervals within a seed are in its own report.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.common import arguments_of, publish
from dgpo.tables import Table
from dgpo.unlearning.judge import NAMES, figure


def table_of(reports: Sequence[Path]) -> Table:
    """Of report folders whose models are called METHOD-SEED."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for folder in reports:
        for model, metrics in json.loads((folder / "report.json").read_text()).items():
            for name, value in metrics.items():
                found[model.rpartition("-")[0]][name].append(value["value"])
    names = [name for name in NAMES if any(name in metrics for metrics in found.values())]

    def cell(values: Sequence[float]) -> str:
        spread = f" ({figure(min(values))}–{figure(max(values))})" if len(values) > 1 else ""
        return figure(median(values)) + spread if values else "–"

    rows = [
        [method, str(max(map(len, metrics.values()))), *(cell(metrics.get(name, ())) for name in names)]
        for method, metrics in found.items()
    ]
    return Table(["method", "seeds", *(NAMES[name] for name in names)], rows, "Unlearning in small", words=["method"])


if __name__ == "__main__":
    parser = arguments_of(__doc__)
    parser.add_argument("reports", nargs="+", type=Path)
    arguments = parser.parse_args()
    publish(arguments.output, table_of(arguments.reports))
