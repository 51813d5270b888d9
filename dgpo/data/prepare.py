"""From a source's rows to a prompt file and its manifest: read, merge, filter, write."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgpo.data.filters import (
    Steps,
    benchmark_index,
    decontaminated,
    drawn,
    prompt_limit,
    short_enough,
    with_readable_answer,
)
from dgpo.data.locate import Located
from dgpo.data.manifest import Manifest, content_hash, file_sha256, manifest_path
from dgpo.data.merge import Entry, Tally, collect, settle
from dgpo.data.options import Options
from dgpo.data.prompts import find_template, render
from dgpo.data.read import count_rows
from dgpo.data.schema import PromptRow, make_row, write_parquet
from dgpo.data.sources.source import Record, Source
from dgpo.files import replace_json, replace_text


@dataclass(frozen=True)
class Prepared:
    """What was written: the prompt file, its manifest, and the list of dropped problems, one JSON a line."""

    parquet: Path
    dropped: Path
    manifest: Manifest


def prepare(
    source: Source, located: Located, records: Iterator[Record], out: Path, options: Options, steps: Steps
) -> Prepared:
    """Writes `NAME.parquet`, `NAME.dropped.jsonl` and, last, `NAME.manifest.json` into `out`.

    The same files and options give the same bytes. Until everything is computed nothing is written, and each file
    is replaced in one step.

    Raises ValueError for input that cannot be read or leaves no row, and OSError where `out` cannot be written.
    """
    # What may be refused comes before the work, which may take minutes.
    _make_folder(out)
    limit, index = prompt_limit(options), benchmark_index(options)
    tally = Tally()
    advance = steps("reading", _row_count(located))
    entries = collect(_counted(records, advance), source.canonical, tally)
    if not tally.rows_in:
        raise ValueError(f"{', '.join(located.files) or source.name}: there are no rows")
    entries = settle(entries, tally, keep_conflicts=options.keep_conflicts)
    entries = with_readable_answer(entries, tally, steps)
    _, template_text = find_template(options.template)
    entries = short_enough(entries, template_text, limit, tally, steps)
    entries = decontaminated(entries, index, tally, steps)
    entries = drawn(entries, tally, options)
    if not entries:
        raise ValueError(f"{options.name}: no row is left of {tally.rows_in} (dropped: {dict(tally.dropped)})")

    rows = _rows(entries, located, template_text, options)
    parquet = out / f"{options.name}.parquet"
    write_parquet(rows, parquet)
    dropped = replace_text(out / f"{options.name}.dropped.jsonl", "".join(map(_json_line, tally.accounts)))
    manifest = _manifest(source, located, parquet, rows, tally, options)
    replace_json(manifest_path(parquet), asdict(manifest))
    return Prepared(parquet, dropped, manifest)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"out={out}: there can be no such folder ({error.strerror}); give another one") from error
    if not os.access(out, os.W_OK):
        raise PermissionError(f"out={out}: you may not write there; give another folder")


def _row_note(source: Source, located: Located, split: str, rows: int) -> list[str]:
    """A word on a number of rows that the copy, or where it is unknown every copy, should not have."""
    known = {copy.id: copy.rows[split] for copy in source.copies if split in copy.rows}
    if located.source in {copy.id for copy in source.copies}:
        known = {id: count for id, count in known.items() if id == located.source}
    if not known or rows in known.values():
        return []
    expected = " or ".join(f"{count} ({id})" for id, count in known.items())
    return [f"{rows} rows were read and {expected} expected: the data has changed, or is cut short"]


def _row_count(located: Located) -> int | None:
    counts = [count_rows(path) for path in located.files.values()]
    return None if None in counts or not counts else sum(count or 0 for count in counts)


def _counted(records: Iterator[Record], advance: Callable[[int], None]) -> Iterator[Record]:
    place = 0
    for place, record in enumerate(records, start=1):
        yield record
        if place % 1000 == 0:
            advance(place)
    advance(place)


def _rows(entries: Sequence[Entry], located: Located, template_text: str, options: Options) -> list[PromptRow]:
    used: set[str] = set()
    rows = []
    for index, entry in enumerate(entries):
        # A row's place names it where the source does not, or names two of its problems alike.
        name = entry.first.id or str(entry.row)
        if name in used:
            name = f"{name}/{entry.row}"
        used.add(name)
        truth = entry.ground_truth
        rows.append(
            make_row(
                problem=entry.first.problem,
                ground_truth=truth,
                data_source=options.name,
                index=index,
                split=options.split,
                level=entry.first.level,
                subject=entry.first.subject,
                id=name,
                source=located.source,
                revision=located.revision,
                raw_answer=entry.raw_answers[truth],
                user=render(template_text, entry.first.problem),
            )
        )
    return rows


def _manifest(
    source: Source, located: Located, parquet: Path, rows: Sequence[PromptRow], tally: Tally, options: Options
) -> Manifest:
    template, template_text = find_template(options.template)
    compared_with = {}
    if options.decontaminate:
        from dgpo.data.overlap import benchmark_files

        compared_with = {file.name: file_sha256(file) for file in benchmark_files(options.decontaminate)}
    chosen = {
        "keep_conflicts": options.keep_conflicts,
        "max_prompt_chars": options.max_prompt_chars,
        "max_prompt_tokens": options.max_prompt_tokens,
        "decontaminate": compared_with,
        "near": options.near if compared_with else None,
        "limit": options.limit,
        "seed": options.seed,
        "levels": options.levels,
    }
    pairs = ((str(row["extra_info"]["problem"]), row["reward_model"]["ground_truth"]) for row in rows)
    return Manifest(
        name=options.name,
        purpose=source.purposes.get(options.split, source.purpose),
        source=located.source,
        revision=located.revision,
        split=options.split,
        files=[{"path": name, "sha256": file_sha256(path)} for name, path in located.files.items()],
        template=template,
        template_text=template_text,
        rows_in=tally.rows_in,
        rows_out=len(rows),
        dropped=dict(sorted(tally.dropped.items())),
        options=chosen,
        notes=_row_note(source, located, options.split, tally.rows_in),
        sha256=file_sha256(parquet),
        content_hash=content_hash(pairs),
    )


def _json_line(account: dict[str, Any]) -> str:
    return json.dumps(account, ensure_ascii=False) + "\n"
