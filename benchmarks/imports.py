"""Time to import the parts that need no trainer, and of `dgpo --help`, each in processes of its own.

    python -m benchmarks.imports

Writes benchmarks/results/imports.md. The fastest start of several counts, on a busy machine too.
"""

import subprocess
import sys
from functools import partial

from benchmarks.common import RESULTS, fastest, publish
from dgpo.tables import Table

STARTS = 12
PROGRAMS = {
    "python": "pass",
    "`import torch`": "import torch",
    "`import dgpo.losses`, torch included": "import dgpo.losses",
    "`import dgpo.verifier`": "import dgpo.verifier",
    "`dgpo --help`": "import sys; from dgpo.cli import main; sys.exit(main(['--help']))",
}


if __name__ == "__main__":
    rows = []
    for name, program in PROGRAMS.items():
        start = partial(subprocess.run, [sys.executable, "-c", program], check=True, capture_output=True)
        rows.append((name, f"{fastest(start, STARTS):.2f}"))
    publish(RESULTS / "imports.md", Table(["process", "s"], rows))
