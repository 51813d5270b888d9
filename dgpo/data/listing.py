"""``dgpo data list``: the data sets that can be prepared, with what is known of them."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from dgpo.data.sources import SOURCES, Source


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 0."""
    argparse.ArgumentParser(prog="dgpo data list", description=__doc__).parse_args(argv)
    table = Table("name", "purpose", "split: rows", "licence", "hub id", "note")
    table.columns[4].overflow = "fold"  # an id is there to be copied, whole
    for source in SOURCES.values():
        table.add_row(source.name, source.purpose, *_lines(source), source.note)
    Console().print(table)
    print("first id: the default; the others by --hub-id. Your own file: dgpo data prepare FILE --out DIR")
    return 0


def _lines(source: Source) -> tuple[str, str, str]:
    """Rows of each split, licence, and ids; a line a copy."""
    if not source.copies:
        rows = ", ".join(f"{split}: any" for split in source.splits)
        return rows, source.licence, "-"
    copies = [
        ", ".join(f"{split}: {copy.rows[split]:,}" if split in copy.rows else f"{split}: ?" for split in copy.files)
        for copy in source.copies
    ]
    return "\n".join(copies), source.licence, "\n".join(copy.id for copy in source.copies)
