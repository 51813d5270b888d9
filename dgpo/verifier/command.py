"""``dgpo verify``: verdicts on a file of responses, or on one response stage by stage.

Exit status: 0 where every row was verified, and agrees with its label if it has one; 1 where a verdict is
against a label, a ground truth cannot be read, or lines were skipped; 2 for input that cannot be used, and then
nothing is written; 130 when interrupted, likewise.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, get_args

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from dgpo.files import draft_of
from dgpo.verifier.answer_file import Fields, InputError, Row, read_rows
from dgpo.verifier.explain import explain
from dgpo.verifier.processes import MAX_PROCESSES
from dgpo.verifier.stages import Mode
from dgpo.verifier.stream import verify_rows
from dgpo.verifier.verdict import Verdict
from dgpo.verifier.verdict_table import Tally

MAX_ANSWER_CHARS = 1000
MAX_NAMED_BAD_ROWS = 20
TABLE_COLUMNS = 160
"""Where the output is no terminal, rich would cut the tables to 80 columns."""


def verify_file(
    path: Path,
    out: Path | None = None,
    *,
    mode: Mode = "boxed",
    timeout: float = 1.0,
    fields: Fields = Fields(),  # noqa: B008, it is frozen
    processes: int | None = None,
    skip_bad_rows: bool = False,
    keep: int = 20,
) -> Tally:
    """Verify every row of the JSON lines file ``path``; memory does not grow with it but for 8 bytes a row.

    All lines are checked before the first is verified, so that a fault in the last one does not cost the work on
    the others. ``out`` gets each row with the verdict added under ``fields.verdict``, in order, and appears whole
    or not at all.

    Raises InputError for a file or a row that cannot be used (with ``skip_bad_rows`` for a file alone).
    """
    tally = Tally(keep)
    if out is not None and out.exists() and path.exists() and out.samefile(path):
        raise InputError(f"--out={out} is the input itself; give another path")

    def skip(error: InputError) -> None:
        tally.skipped += 1
        if tally.skipped <= MAX_NAMED_BAD_ROWS:
            print(f"skipped: {error}", file=sys.stderr)

    with _progress() as progress, _whole_file(out) as written:
        size = path.stat().st_size if path.is_file() else 0
        task = progress.add_task("checking", total=size)
        on_bad = skip if skip_bad_rows else None
        total = sum(1 for _ in read_rows(path, fields, on_bad=on_bad, on_bytes=lambda n: progress.advance(task, n)))
        if total == 0:
            raise InputError(f"{path} has no row to verify; write at least one")
        task = progress.add_task("verifying", total=size)
        # What could not be used has been told of by now.
        ignore = (lambda error: None) if skip_bad_rows else None
        rows = read_rows(path, fields, on_bad=ignore, on_bytes=lambda n: progress.advance(task, n))
        for row, verdict in verify_rows(rows, mode=mode, timeout=timeout, processes=processes):
            tally.add(row, verdict)
            if written is not None:
                written.write(json.dumps({**row.fields, fields.verdict: _as_json(row, verdict)}) + "\n")
    return tally


def _as_json(row: Row, verdict: Verdict) -> dict[str, Any]:
    answer = verdict.answer
    return {
        "line": row.line,
        "correct": bool(verdict),
        "reason": verdict.reason,
        "stage": verdict.stage,
        "answer": answer if answer is None else answer[:MAX_ANSWER_CHARS],
        "seconds": round(verdict.seconds, 6),
        "cached": verdict.cached,
    }


@contextmanager
def _whole_file(path: Path | None) -> Iterator[TextIO | None]:
    """``path`` for writing; it has its old content, or none, until all of the new one is on the disk."""
    if path is None:
        yield None
        return
    if path.is_dir():
        raise InputError(f"{path} is a directory; give the path of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(path) as draft, draft.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); give another path, or make room") from error


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dgpo verify",
        description="Are the final answers right? FILE has a JSON object a line, with a response, a ground truth and, "
        "if it is known, whether the response is right.",
        epilog="Exit status: 0 all verified, and as labelled; 1 verdicts against a label, ground truths that cannot be "
        "read, or skipped lines; 2 input that cannot be used (nothing is written); 130 interrupted (likewise).",
    )
    names = Fields()
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="JSON lines")
    parser.add_argument("--explain", metavar="RESPONSE", help="instead of FILE: each stage's view of this response")
    parser.add_argument("--gold", metavar="G", help="the ground truth for --explain")
    parser.add_argument(
        "--mode", choices=get_args(Mode), default="boxed", help="where the answer is (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=1.0, help="seconds of symbolic work for an answer (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="the rows with their verdicts, as JSON lines")
    parser.add_argument("--json", type=Path, metavar="SUMMARY", help="the counts and times, as JSON")
    parser.add_argument("--response-field", default=names.response, help="default: %(default)s")
    parser.add_argument("--ground-truth-field", default=names.ground_truth, help="default: %(default)s")
    parser.add_argument("--expected-field", default=names.expected, help="label, may be absent (default: %(default)s)")
    parser.add_argument("--verdict-field", default=names.verdict, help="written to --out (default: %(default)s)")
    parser.add_argument("--skip-bad-rows", action="store_true", help="name and count lines that cannot be used")
    parser.add_argument("--show", type=int, default=20, metavar="N", help="verdicts against a label (default: 20)")
    parser.add_argument("--processes", type=int, help=f"default: the cores, at most {MAX_PROCESSES}")
    return parser


def _fault(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the options taken together."""
    if (arguments.file is None) == (arguments.explain is None):
        return "give either FILE or --explain RESPONSE"
    if (arguments.explain is None) != (arguments.gold is None):
        return "--explain RESPONSE and --gold G go together"
    if arguments.explain is not None and (arguments.out or arguments.json):
        return "--explain prints, and writes no --out or --json; leave them out"
    if not 0 < arguments.timeout < float("inf"):
        return f"--timeout={arguments.timeout}: it must be a positive number of seconds"
    if arguments.processes is not None and arguments.processes < 1:
        return f"--processes={arguments.processes}: it must be at least 1"
    if arguments.show < 0:
        return f"--show={arguments.show}: it must be 0 or more"
    if arguments.json and arguments.out and arguments.json.absolute() == arguments.out.absolute():
        return f"--json={arguments.json} is --out as well; give two paths"
    if arguments.json and arguments.json.absolute() == arguments.file.absolute():
        return f"--json={arguments.json} is the input itself; give another path"
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Verify, or explain; the exit status is that of the module's docstring."""
    arguments = _parser().parse_args(argv)
    if fault := _fault(arguments):
        print(f"dgpo verify: {fault}", file=sys.stderr)
        return 2
    try:
        return _run(arguments)
    except BrokenProcessPool:
        fault = (
            "a verifying process was killed, most likely for want of memory; nothing was written. "
            "Use fewer by --processes"
        )
    except (InputError, RuntimeError) as error:
        fault = str(error)
    except KeyboardInterrupt:
        print("dgpo verify: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(f"dgpo verify: {fault}", file=sys.stderr)
    return 2


def _run(arguments: argparse.Namespace) -> int:
    console = Console()
    if not console.is_terminal:
        console.width = TABLE_COLUMNS
    if arguments.explain is not None:
        console.print(explain(arguments.explain, arguments.gold, mode=arguments.mode, timeout=arguments.timeout))
        return 0
    fields = Fields(
        arguments.response_field, arguments.ground_truth_field, arguments.expected_field, arguments.verdict_field
    )
    started = time.monotonic()
    with _whole_file(arguments.json) as summary:
        tally = verify_file(
            arguments.file,
            arguments.out,
            mode=arguments.mode,
            timeout=arguments.timeout,
            fields=fields,
            processes=arguments.processes,
            skip_bad_rows=arguments.skip_bad_rows,
            keep=arguments.show,
        )
        elapsed = time.monotonic() - started
        if summary is not None:
            described = {"file": str(arguments.file), "mode": arguments.mode, "timeout": arguments.timeout}
            json.dump({**described, **tally.summary(elapsed)}, summary, indent=2)
    tally.show(console, elapsed)
    return 1 if tally.wrong or tally.bad_golds or tally.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
