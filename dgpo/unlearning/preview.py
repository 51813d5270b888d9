"""What a file says is sensitive: its answers in colours, and tokens of each class."""

from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from dgpo.tables import Table
from dgpo.unlearning.data import Encoder, Row, read
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST
from dgpo.unlearning.train import load_tokenizer

STYLES = {PREFIX: "bold white on red", REST: "black on yellow", ORDINARY: ""}


def coloured(row: Row, encoder: Encoder | None, first_n: int | None) -> Text:
    """The answer, its spans in colours; with an encoder the first N tokens of each in another."""
    text = Text(row.answer)
    if encoder is None:
        for span in row.spans:
            text.stylize(STYLES[PREFIX], *span)
        return text
    _, offsets = encoder.answer(row.answer)
    kinds = [kind for example in encoder.example(row, first_n) for kind in example.classes]
    answer = kinds[len(kinds) - len(offsets) - bool(row.prompt) :]
    for offset, kind in zip(offsets, answer, strict=False):
        if STYLES.get(kind):
            text.stylize(STYLES[kind], *offset)
    return text


def marked(row: Row) -> Text:
    """The answer with [[marks]], for where there are no colours."""
    text, end = "", 0
    for start, stop in row.spans:
        text += f"{row.answer[end:start]}[[{row.answer[start:stop]}]]"
        end = stop
    return Text(text + row.answer[end:])


def show(path: Path, model: str, first_n: int, limit: int, without_spans: Any, *, inside_words: bool) -> None:
    """Print the first ``limit`` rows in colours, and what there is of each class.

    Args:
        model: whose tokenizer tells the classes; "" for none.
        first_n: N of PALU; 0 for all tokens of a span.

    Raises:
        UserError: a row does not say clearly what of it is sensitive.
    """
    rows = read(path, needs_spans=True, without_spans=without_spans, inside_words=inside_words)
    console, first = Console(), first_n or None
    encoder = Encoder(load_tokenizer(model), max_length=1 << 20) if model else None
    for row in rows[:limit]:
        console.print(coloured(row, encoder, first) if console.is_terminal else marked(row))
    if len(rows) > limit:
        console.print(f"... and {len(rows) - limit} rows more (--rows)", style="dim", highlight=False)
    spans = [row.answer[slice(*span)] for row in rows for span in row.spans]
    characters, sensitive = sum(len(row.answer) for row in rows), sum(map(len, spans))
    preserved = sum(not row.spans for row in rows)
    cells = [
        ("rows", f"{len(rows):,}"),
        ("spans", f"{len(spans):,}, {len(set(spans)):,} different"),
        ("sensitive characters", f"{sensitive:,} of {characters:,} ({sensitive / characters:.0%})"),
        ("rows without a span, only preserved", f"{preserved:,}"),
    ]
    if encoder is not None:
        counts = Counter(kind for example in encoder.examples(rows, first) for kind in example.classes)
        which = f"the first {first}" if first else "all"
        cells += [
            (f"tokens that are flattened ({which} of a span)", f"{counts[PREFIX]:,}"),
            ("tokens later in a span, which no PALU term reads", f"{counts[REST]:,}"),
            ("ordinary tokens, which are preserved", f"{counts[ORDINARY]:,}"),
        ]
    notes = [] if encoder is not None else ["Tokens of each class: with --tokenizer MODEL."]
    Table(["of " + path.name, ""], cells, notes=notes).show(console)
