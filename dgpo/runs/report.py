"""``dgpo report RUN``: a run's table and picture, written into its folder and printed."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dgpo.runs.figures import ReportError, markdown, plain, read_run, rows, summary
from dgpo.runs.verdicts import HEADER as VERDICTS
from dgpo.runs.verdicts import verdict_line, verdict_rows


def write_report(run: Path) -> list[Path]:
    """Write report.md, report.json, report.png and report.svg into the run's folder, print the table.

    Raises:
        ReportError: it is no run folder.
    """
    from dgpo.runs.plots import plot

    report = read_run(run)
    table, verdicts, cost = rows(report), verdict_rows(report), verdict_line(report)
    pictures = [run / "report.png", run / "report.svg"]
    parts = [f"# {report.name}", markdown(table)]
    if verdicts:
        parts += ["## Verdicts", markdown(verdicts, VERDICTS), *([cost] if cost else [])]
    (run / "report.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")
    (run / "report.json").write_text(json.dumps(summary(report), indent=1) + "\n")
    plot(report, pictures)
    print(plain(table))
    if verdicts:
        print("\n" + plain(verdicts, VERDICTS) + (f"\n\n  {cost}" if cost else ""))
    return [run / "report.md", run / "report.json", *pictures]


def main(argv: Sequence[str] | None = None) -> int:
    """Report; 0 when written, 2 when there is no such run."""
    parser = argparse.ArgumentParser(prog="dgpo report", description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder, such as runs/quickstart/seed0")
    arguments = parser.parse_args(argv)
    try:
        files = write_report(arguments.run)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    print("\nwritten: " + ", ".join(str(file) for file in files))
    return 0
