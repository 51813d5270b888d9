"""One table for all commands: made once as text, shown in a terminal, written as Markdown."""

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from dgpo.files import differing, make_folder, replace_json, replace_text

WIDTH = 160
"""Columns of a table outside a terminal."""
ABSENT = "–"
FIGURE = re.compile(rf"([-+−]?[.\d].*|nan.*|{ABSENT})?", re.DOTALL)
"""A cell of a column of figures, which end at the right; words begin at the left."""


@dataclass(frozen=True)
class Table:
    """Headings, rows of cells, and notes below.

    Attributes:
        head: a heading a column.
        rows: of as many cells.
        title: above it; none where empty.
        notes: below it, a paragraph each.
        whole: headings of the columns whose cells are copied, and never broken, however narrow the terminal.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    notes: Sequence[str] = ()
    whole: Collection[str] = ()

    def markdown(self) -> str:
        """As Markdown, ending in a line break."""
        cells = [[cell.replace("|", "\\|").replace("\n", "\\n") for cell in row] for row in self.rows]
        lines = [f"## {self.title}", ""] if self.title else []
        lines += ["| " + " | ".join(self.head) + " |", "|---" * len(self.head) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)])

    def show(self, console: Console | None = None) -> None:
        """Print it, on standard output where no other console is given."""
        # Where nobody looks at a terminal, whole lines serve better than 80 columns.
        console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
        table = RichTable(
            title=self.title or None,
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        for heading, *cells in zip(self.head, *self.rows, strict=True):
            least = max(map(cell_len, cells)) if heading in self.whole else None
            side = "right" if any(cells) and all(map(FIGURE.fullmatch, cells)) else "left"
            table.add_column(heading, justify=side, overflow="fold", min_width=least)
        for row in self.rows:
            table.add_row(*map(Text, row))
        console.print(table, crop=False)
        for note in self.notes:
            console.print(note, style="dim", markup=False, highlight=False)


def settings_table(
    columns: Mapping[str, Mapping[str, Any]],
    title: str = "",
    notes: Sequence[str] = (),
    keys: Sequence[str] | None = None,
) -> Table:
    """A row for each of ``keys`` (None: all, with a star where they differ), a column for each of ``columns``."""
    starred = differing([*columns.values()]) if keys is None else ()
    rows = []
    for key in dict.fromkeys(key for each in columns.values() for key in each) if keys is None else keys:
        values = (each.get(key) for each in columns.values())
        cells = (ABSENT if value is None else str(value) for value in values)
        rows.append((f"{key} *" if key in starred else key, *cells))
    return Table(("setting", *columns), rows, title, notes)


def write_tables(
    stem: Path, tables: Sequence[Table], content: Any, *, before: str = "", after: str = "", more: Sequence[Table] = ()
) -> list[Path]:
    """Print tables, and write them to ``stem``.md and what they are of to ``stem``.json; the files.

    Args:
        before, after: Markdown around the tables.
        more: tables that are written and not printed.
    """
    make_folder(stem.absolute().parent, "--out")
    for table in tables:
        table.show()
    text = before + "\n".join(table.markdown() for table in (*tables, *more)) + after
    files = [stem.with_name(f"{stem.name}.md"), stem.with_name(f"{stem.name}.json")]
    replace_text(files[0], text.rstrip() + "\n")
    replace_json(files[1], content)
    return files
