"""From a source's rows to a prompt file and its manifest: read, merge, filter, write."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from dgpo.data.decontaminate import BenchmarkIndex, benchmark_files, read_problems
from dgpo.data.duplicates import Entry, Reason, Tally, collect_problems, drop_where, merge_answers
from dgpo.data.manifest import Manifest, content_hash, manifest_path
from dgpo.data.options import Options, render
from dgpo.data.read import count_rows, read_rows
from dgpo.data.schema import PromptRow, make_row, write_parquet
from dgpo.data.sources.locate import Located, hub_files, local_files
from dgpo.data.sources.source import Record, Source, records
from dgpo.errors import UserError
from dgpo.files import file_sha256, make_folder, replace_json, replace_text
from dgpo.model_files import chat_tokenizer
from dgpo.progress import ProgressBar
from dgpo.tables import Table

NEAR = 0.7
_STEP = 1000
_RECORDED = ("any_answer", "keep_conflicts", "max_prompt_chars", "max_prompt_tokens", "limit")


@dataclass(frozen=True)
class Prepared:
    """What was written: the prompt file, its manifest, and the list of dropped problems, one JSON a line."""

    parquet: Path
    dropped: Path
    manifest: Manifest

    def table(self) -> Table:
        """Rows read, dropped by reason, and written."""
        manifest = self.manifest
        counts = [(f"-{count:,}", reason) for reason, count in manifest.dropped.items()]
        rows = [(f"{manifest.rows_in:,}", "read"), *counts, (f"{manifest.rows_out:,}", "written")]
        what = f"{manifest.name}: {manifest.source}, {manifest.split}"
        written = f"written: {self.parquet}, its manifest, and {self.dropped.name} with the problems left out"
        notes = [*(f"note: {note}" for note in manifest.notes), written]
        return Table(("rows", what), rows, notes=notes)


def prepare(options: Options) -> Prepared:
    """Writes `NAME.parquet`, `NAME.dropped.jsonl` and, last, `NAME.manifest.json` into the folder of the options.

    The same files and options give the same bytes. Until everything is computed nothing is written, and each file
    is replaced in one step.

    Raises UserError for data that cannot be had or read, or leaves no row, and for a folder that takes no files.
    """
    # What may be refused comes before the work, which may take minutes.
    located, rows = _open(options)
    make_folder(options.out, "out")
    too_long = _length_limit(options)
    benchmarks, index = _benchmarks(options)
    tally = Tally()
    with ProgressBar("reading", count_rows(located.files.values()) or None) as bar:
        entries = collect_problems(_counted(rows, bar), options.source.canonical, tally, any_answer=options.any_answer)
    if not tally.rows_in:
        raise UserError(f"{', '.join(located.files) or options.data}: there are no rows; give another file")
    entries = merge_answers(entries, tally, keep_conflicts=options.keep_conflicts)
    if too_long:
        entries = drop_where(entries, "measuring prompts", too_long, tally)
    if index:
        entries = drop_where(entries, "comparing with benchmarks", index.reason_to_drop, tally)
    if options.limit:
        entries = sample_entries(entries, options.limit, options.seed or 0, tally)
    accounts = "".join(json.dumps(account, ensure_ascii=False) + "\n" for account in tally.accounts)
    dropped = options.out / f"{options.name}.dropped.jsonl"
    if not entries:
        why = f"; the first, {tally.first_account()}" if tally.accounts else ""
        if dropped.exists():  # it belongs to the prompt file that stays
            dropped = dropped.with_suffix(".new.jsonl")
        replace_text(dropped, accounts)
        raise UserError(
            f"{options.name}: no row is left of {tally.rows_in} (dropped: {dict(tally.dropped)}{why}). "
            f"{dropped} lists them; give other data or other limits"
        )

    prepared_rows = _rows(entries, located, options)
    parquet = write_parquet(prepared_rows, options.out / f"{options.name}.parquet")
    replace_text(dropped, accounts)
    manifest = _manifest(options, located, benchmarks, parquet, prepared_rows, tally)
    replace_json(manifest_path(parquet), asdict(manifest))
    return Prepared(parquet, dropped, manifest)


def _open(options: Options) -> tuple[Located, Iterator[Record]]:
    """The files, and their rows, or those that the source makes."""
    source, copy = options.source, options.copy
    if source.make is not None:
        count = options.limit or source.counts[options.split]
        return Located(source.name, "", {}), source.make(options.split, count, options.levels or (), options.seed or 0)
    asked, origin = options.split_is_asked, options.origin
    if copy.id and origin is None:
        located = hub_files(copy, options.split, options.revision or None, is_asked=asked)
    else:
        where = f"from={origin}" if origin else options.data
        located = local_files(copy, origin or Path(options.data), options.split, where, is_asked=asked)
    written = options.out / f"{options.name}.parquet"
    if written.resolve() in {path.resolve() for path in located.files.values()}:
        raise UserError(f"{written} would take the place of the data itself; give another --out or --name")
    rows = {name: read_rows(path, source.columns, source.reads_too) for name, path in located.files.items()}
    return located, chain.from_iterable(records(of_file, source, name) for name, of_file in rows.items())


def _benchmarks(options: Options) -> tuple[list[Path], BenchmarkIndex | None]:
    """The files that the options name, and their problems; a benchmark is not compared with itself."""
    if not options.decontaminate:
        return [], None
    files = benchmark_files(options.decontaminate)
    problems = [each for file in files for each in read_problems(file) if each.benchmark != options.name]
    return files, BenchmarkIndex(problems, options.near or NEAR)


def _length_limit(options: Options) -> Callable[[Entry], Reason | None] | None:
    """As a reason to drop: the prompt is longer than the options allow; None where they allow any."""
    count, unit = (token_counter(options.tokenizer), "tokens") if options.tokenizer else (len, "characters")
    most = options.max_prompt_chars or options.max_prompt_tokens

    def too_long(entry: Entry) -> Reason | None:
        length = count(render(options.template_text, entry.first.problem))
        return ("prompt too long", {unit: length}) if most and length > most else None

    return too_long if most else None


def token_counter(folder: Path) -> Callable[[str], int]:
    """Counts the tokens of a user message as the chat template renders it, the start of the response included.
    UserError where there is no tokenizer, or no chat template that renders."""
    if not folder.is_dir():
        raise UserError(f"tokenizer={folder}: there is no such folder; give a Hugging Face model folder")
    tokenizer = chat_tokenizer(folder, f"tokenizer={folder}")

    def count(user: str) -> int:
        messages: Any = [{"role": "user", "content": user}]
        options = {"add_generation_prompt": True, "tokenize": True, "return_dict": False}
        return len(tokenizer.apply_chat_template(messages, **options))

    try:
        count("1+1=?")
    except Exception as error:  # jinja's, and whatever a template raises itself
        raise UserError(f"tokenizer={folder}: its chat template renders no prompt ({error!s:.200}); mend it") from error
    return count


def sample_entries(entries: Sequence[Entry], limit: int, seed: int, tally: Tally) -> list[Entry]:
    """At most `limit` of them, drawn without replacement, in their order."""
    if limit >= len(entries):
        return list(entries)
    tally.dropped["beyond the limit"] += len(entries) - limit
    return [entries[place] for place in sorted(random.Random(seed).sample(range(len(entries)), limit))]


def _counted(rows: Iterator[Record], bar: ProgressBar) -> Iterator[Record]:
    for place, record in enumerate(rows, start=1):
        yield record
        if place % _STEP == 0:
            bar.advance(_STEP)


def _rows(entries: Sequence[Entry], located: Located, options: Options) -> list[PromptRow]:
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
                before=entry.first.before,
                user=render(options.template_text, entry.first.problem),
            )
        )
    return rows


def _manifest(
    options: Options,
    located: Located,
    benchmarks: Sequence[Path],
    parquet: Path,
    rows: Sequence[PromptRow],
    tally: Tally,
) -> Manifest:
    pairs = ((str(row["extra_info"]["problem"]), row["reward_model"]["ground_truth"]) for row in rows)
    return Manifest(
        name=options.name,
        purpose=options.source.purposes.get(options.split, options.source.purpose),
        source=located.source,
        revision=located.revision,
        split=options.split,
        files=[{"path": name, "sha256": file_sha256(path)} for name, path in located.files.items()],
        template=options.template,
        template_text=options.template_text,
        rows_in=tally.rows_in,
        rows_out=len(rows),
        dropped=dict(sorted(tally.dropped.items())),
        options={
            **{key: getattr(options, key) for key in _RECORDED},
            "decontaminate": {file.name: file_sha256(file) for file in benchmarks},
            "near": options.near or NEAR if benchmarks else None,
            "seed": options.seed or 0,
            "levels": options.levels or None,
        },
        notes=[*_row_note(options.source, located, options.split, tally.rows_in), *tally.notes()],
        sha256=file_sha256(parquet),
        content_hash=content_hash(pairs),
    )


def _row_note(source: Source, located: Located, split: str, rows: int) -> list[str]:
    """A word on a number of rows that the copy, or where it is unknown every copy, should not have."""
    known = {copy.id: copy.rows[split] for copy in source.copies if split in copy.rows}
    if located.source in {copy.id for copy in source.copies}:
        known = {id: count for id, count in known.items() if id == located.source}
    if not known or rows in known.values():
        return []
    expected = " or ".join(f"{count} ({id})" for id, count in known.items())
    return [f"{rows} rows were read and {expected} expected: the data has changed, or is cut short"]
