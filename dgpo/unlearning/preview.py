"""What a file says is sensitive: its answers in colours, and tokens of each class."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from dgpo.tables import Table
from dgpo.unlearning.data import Encoder, Row, WithoutSpans, read
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST

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


def counts(rows: Sequence[Row], encoder: Encoder, first_n: int | None) -> dict[int, int]:
    kinds = Counter(kind for example in encoder.examples(rows, first_n) for kind in example.classes)
    return {kind: kinds[kind] for kind in (PREFIX, REST, ORDINARY)}


def show(
    path: Path,
    *,
    tokenizer: Any = None,
    first_n: int | None = 3,
    limit: int = 20,
    without_spans: WithoutSpans = "refuse",
    inside_words: bool = False,
    console: Console | None = None,
) -> None:
    """Print the first rows in colours and what there is of each class.

    Raises:
        UserError: a row does not say clearly what of it is sensitive.
    """
    rows = read(path, needs_spans=True, without_spans=without_spans, inside_words=inside_words)
    console = console or Console()
    encoder = Encoder(tokenizer, max_length=1 << 20) if tokenizer is not None else None
    for row in rows[:limit]:
        console.print(coloured(row, encoder, first_n) if console.is_terminal else marked(row))
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
        found = counts(rows, encoder, first_n)
        first = "all" if first_n is None else f"the first {first_n}"
        cells += [
            (f"tokens that are flattened ({first} of a span)", f"{found[PREFIX]:,}"),
            ("tokens later in a span, which no PALU term reads", f"{found[REST]:,}"),
            ("ordinary tokens, which are preserved", f"{found[ORDINARY]:,}"),
        ]
    notes = [] if encoder is not None else ["Tokens of each class: with --tokenizer MODEL."]
    Table(["of " + path.name, ""], cells, notes=notes, words=["of " + path.name]).show(console)


def show_file(path: Path, tokenizer: str, first_n: int, limit: int, without_spans: Any, *, inside_words: bool) -> None:
    """`show`, with the tokenizer by its model's name and 0 for all tokens of a span."""
    from dgpo.unlearning.train import load_tokenizer

    show(
        path,
        tokenizer=load_tokenizer(tokenizer) if tokenizer else None,
        first_n=first_n or None,
        limit=limit,
        without_spans=without_spans,
        inside_words=inside_words,
    )
