"""``dgpo data prepare``: a data set by name, or your own file, as a prompt file with its manifest."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dgpo.data.filters import Steps
from dgpo.data.locate import Located, hub_files, local_files
from dgpo.data.options import Options
from dgpo.data.prepare import Prepared, prepare
from dgpo.data.prompts import TEMPLATES
from dgpo.data.read import FORMATS, read_rows
from dgpo.data.sources import SOURCES, HubCopy, Record, Source
from dgpo.data.sources.own import own_source
from dgpo.data.sources.source import Purpose, records, split_name
from dgpo.tasks.arithmetic import DEFAULT_LEVELS, LEVELS


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare; 0 when written, 1 when the data cannot be had or read, 2 for options that do not fit."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        source = _source(args)
        _refuse_useless(source, args)
        copy = _copy(source, args)
        split = _split(source, copy, args)
        options = _options(source, copy, split, args)
    except ValueError as error:
        parser.error(str(error))
    try:
        with _progress() as steps:
            located, rows = _rows(source, copy, options, args)
            prepared = prepare(source, located, rows, args.out, options, steps)
    except (ValueError, OSError) as error:
        print(f"dgpo data prepare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"dgpo data prepare: interrupted; {args.out} is as it was", file=sys.stderr)
        return 130
    _show(prepared)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dgpo data prepare", description=__doc__)
    add = parser.add_argument
    formats = ", ".join(FORMATS)
    add("data", metavar="NAME_OR_FILE", help=f"one of {', '.join(SOURCES)}; or your own file ({formats})")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for NAME.parquet and NAME.manifest.json")
    add("--name", help="another name for the files and their data_source")
    where = parser.add_argument_group("where the rows are")
    add = where.add_argument
    add("--from", dest="origin", type=Path, metavar="PATH", help="file or folder that has the data; no hub is asked")
    add("--hub-id", metavar="ORG/NAME", help="another copy on the hub; `dgpo data list` names them")
    add("--revision", help="of the hub's repository: a commit, branch or tag (default: the newest)")
    add("--split", help="of the source (default: its first)")
    own = parser.add_argument_group("your own file")
    add = own.add_argument
    add(
        "--prompt-field",
        metavar="COLUMN",
        help="the problem: text, or chat messages; a.b is a field of a struct (problem)",
    )
    add("--answer-field", metavar="COLUMN", help="(answer)")
    add("--id-field", metavar="COLUMN", help="what names a problem (id, where there is one)")
    add("--purpose", choices=get_args(Purpose), help="train (default), or benchmark: then others are compared with it")
    rows = parser.add_argument_group("which rows are written, and how")
    add = rows.add_argument
    add("--template", help=f"{', '.join(TEMPLATES)}, or a text with {{problem}} in it (default: the source's)")
    add("--keep-conflicts", action="store_true", help="where copies disagree, keep the answer that most rows give")
    add("--max-prompt-chars", type=int, metavar="N", help="drop longer user messages")
    add("--max-prompt-tokens", type=int, metavar="N", help="drop longer prompts; needs --tokenizer")
    add("--tokenizer", type=Path, metavar="DIR", help="model folder whose tokenizer and chat template count")
    add("--decontaminate", type=Path, nargs="+", default=[], metavar="PATH", help="prepared benchmarks, or folders")
    add("--near", type=float, metavar="S", help="similarity from which a problem nearly repeats a benchmark's (0.7)")
    add("--limit", type=int, metavar="N", help="at most so many problems, drawn by --seed")
    add("--seed", type=int, help="of --limit, and of arithmetic (0)")
    add("--levels", type=int, nargs="+", choices=list(LEVELS), help="of arithmetic: how hard its sums are (1 2 3)")
    return parser


def _source(args: argparse.Namespace) -> Source:
    if args.data in SOURCES:
        return SOURCES[args.data]
    path = Path(args.data)
    if not path.is_file():
        raise ValueError(f"{args.data}: neither a file nor one of {', '.join(SOURCES)}")
    return own_source(
        path,
        problem=args.prompt_field or "problem",
        answer=args.answer_field or "answer",
        id=args.id_field or "id",
        purpose=args.purpose or "train",
    )


def _is_own(args: argparse.Namespace) -> bool:
    return args.data not in SOURCES


def _refuse_useless(source: Source, args: argparse.Namespace) -> None:
    """An option that would do nothing is a misunderstanding."""
    for key in ("prompt_field", "answer_field", "id_field", "purpose"):
        if getattr(args, key) and not _is_own(args):
            raise ValueError(f"--{key.replace('_', '-')} is for your own file; {source.name} has columns of its own")
    for key, flag in (("origin", "--from"), ("hub_id", "--hub-id"), ("revision", "--revision")):
        if getattr(args, key) and not source.copies:
            raise ValueError(f"{flag} is for a data set of the hub, which {source.name} is not; leave it out")
        if getattr(args, key) and key == "revision" and args.origin:
            raise ValueError("--revision is for the hub, and --from asks no hub: leave one of them out")
    if args.levels and source.make is None:
        raise ValueError("--levels is for arithmetic alone; leave it out")
    if args.near is not None and not args.decontaminate:
        raise ValueError("--near needs --decontaminate; give the benchmarks, or leave it out")
    if args.seed is not None and args.limit is None and source.make is None:
        raise ValueError("--seed needs --limit: nothing else is drawn")


def _copy(source: Source, args: argparse.Namespace) -> HubCopy | None:
    if not args.hub_id:
        return source.copies[0] if source.copies else None
    split = args.split or source.splits[0]
    known = {copy.id: copy for copy in source.copies}
    return known.get(args.hub_id) or HubCopy(id=args.hub_id, files={split: f"*{split}*"})


def _splits(source: Source, copy: HubCopy | None) -> tuple[str, ...]:
    return tuple(copy.files) if copy else source.splits


def _split(source: Source, copy: HubCopy | None, args: argparse.Namespace) -> str:
    splits = _splits(source, copy)
    split = args.split or splits[0]
    if split not in splits and not _is_own(args):
        raise ValueError(f"split={split}: {copy.id if copy else source.name} has {', '.join(splits)}")
    return split


def _options(source: Source, copy: HubCopy | None, split: str, args: argparse.Namespace) -> Options:
    name = source.name if _is_own(args) else split_name(source.name, split, _splits(source, copy))
    made = Options(
        name=args.name or name,
        split=split,
        template=args.template or source.template,
        keep_conflicts=args.keep_conflicts,
        max_prompt_chars=args.max_prompt_chars,
        max_prompt_tokens=args.max_prompt_tokens,
        tokenizer=args.tokenizer,
        decontaminate=tuple(args.decontaminate),
        limit=args.limit,
        seed=args.seed or 0,
        levels=tuple(args.levels or DEFAULT_LEVELS) if source.make is not None else None,
    )
    written = args.out / f"{made.name}.parquet"
    if _is_own(args) and written.resolve() == Path(args.data).resolve():
        raise ValueError(f"{written} would take the place of the data itself; give another --out or --name")
    return made if args.near is None else replace(made, near=args.near)


def _rows(
    source: Source, copy: HubCopy | None, options: Options, args: argparse.Namespace
) -> tuple[Located, Iterator[Record]]:
    if source.make is not None:
        count = options.limit or source.counts[options.split]
        made = source.make(options.split, count, options.levels or DEFAULT_LEVELS, options.seed)
        return Located(source.name, "", {}), made
    if copy is not None and args.origin is None:
        located = hub_files(copy, options.split, args.revision)
    else:
        located = local_files(copy, Path(args.data) if _is_own(args) else args.origin, options.split)

    def all_files() -> Iterator[Record]:
        for name, path in located.files.items():
            yield from records(read_rows(path, source.columns), source, name)

    return located, all_files()


@contextmanager
def _progress() -> Iterator[Steps]:
    """A bar a step on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def begin(what: str, total: int | None) -> Callable[[int], None]:
            task = progress.add_task(what, total=total)
            return lambda done: progress.update(task, completed=done)

        yield begin


def _show(prepared: Prepared) -> None:
    manifest = prepared.manifest
    table = Table("rows", f"{manifest.name}: {manifest.source}, {manifest.split}")
    table.columns[0].justify = "right"
    table.add_row(f"{manifest.rows_in:,}", "read")
    for reason, count in manifest.dropped.items():
        table.add_row(f"-{count:,}", reason)
    table.add_section()
    table.add_row(f"{manifest.rows_out:,}", "written")
    Console().print(table)
    for note in manifest.notes:
        print(f"note: {note}")
    print(f"written: {prepared.parquet}, its manifest, and {prepared.dropped.name} with the problems left out")
