"""Time to import the parts that need no trainer, and of `dgpo --help`, each in processes of its own.

    python -m benchmarks.imports

Writes benchmarks/results/imports.md. The fastest start of several counts, on a busy machine too.
"""

import subprocess
import sys
import time
from pathlib import Path

from dgpo.tables import Table

STARTS = 12
PROGRAMS = {
    "python": "pass",
    "`import torch`": "import torch",
    "`import dgpo.losses`, torch included": "import dgpo.losses",
    "`import dgpo.verifier`": "import dgpo.verifier",
    "`dgpo --help`": "import sys; from dgpo.cli import main; sys.exit(main(['--help']))",
}


def seconds(program: str) -> float:
    """The fastest of `STARTS` processes that run `program`."""
    times = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    table = Table(["process", "s"], [[name, f"{seconds(program):.2f}"] for name, program in PROGRAMS.items()])
    (Path(__file__).parent / "results" / "imports.md").write_text(table.markdown())
    table.show()
