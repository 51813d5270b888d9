"""``dgpo verify``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dgpo.errors import UserError

app = typer.Typer()


@app.command(
    epilog="Exit status: 0 all verified, and as labelled; 1 verdicts against a label, ground truths that cannot be "
    "read, or skipped lines; 2 input that cannot be used (nothing is written); 130 interrupted (likewise)."
)
def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="JSON lines, .gz too", show_default=False)] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="RESPONSE", help="instead of FILE: each stage's view of this response")
    ] = None,
    gold: Annotated[str | None, typer.Option(metavar="G", help="the ground truth for --explain")] = None,
    mode: Annotated[Literal["boxed", "answer", "extract"], typer.Option(help="where the answer is")] = "boxed",
    timeout: Annotated[float, typer.Option(help="seconds of processor time for an answer")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="the rows with their verdicts, as JSON lines")] = None,
    json: Annotated[Path | None, typer.Option(metavar="SUMMARY", help="the counts and times, as JSON")] = None,
    response_field: str = "response",
    ground_truth_field: str = "ground_truth",
    expected_field: Annotated[str, typer.Option(help="label, may be absent")] = "expected",
    verdict_field: Annotated[str, typer.Option(help="written to --out")] = "verdict",
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="name and count lines that cannot be used")
    ] = False,
    show: Annotated[int, typer.Option(min=0, metavar="N", help="verdicts against a label that are shown")] = 20,
    processes: Annotated[
        int | None, typer.Option(min=1, max=1000, help="that verify; default: the cores, at most 12")
    ] = None,
) -> None:
    """Check answers against ground truths; explain a verdict.

    FILE has a JSON object a line, with a response, a ground truth and, if it is known, whether the response is right.
    """
    from dgpo.progress import interruptible
    from dgpo.verifier.explain import explain as explanation
    from dgpo.verifier.files.answer_file import Fields
    from dgpo.verifier.files.verify_file import verify_file

    if not timeout > 0:
        raise UserError(f"--timeout={timeout}: it must be a positive number of seconds")
    if (explain is None) != (gold is None):
        raise UserError("--explain RESPONSE and --gold G go together; give both or neither")
    if explain is not None and (out or json):
        raise UserError("--explain prints, and writes no --out or --json; leave them out")
    if explain is not None and gold is not None and file is None:
        explanation(explain, gold, mode=mode, timeout=timeout).show()
        return
    if file is None or explain is not None:
        raise UserError("give either FILE or --explain RESPONSE")
    with interruptible("nothing was written"):
        tally = verify_file(
            file,
            out,
            json,
            mode=mode,
            timeout=timeout,
            fields=Fields(response_field, ground_truth_field, expected_field, verdict_field),
            processes=processes,
            skip_bad_rows=skip_bad_rows,
            keep=show,
        )
    for table in tally.tables():
        table.show()
    raise typer.Exit(1 if tally.wrong or tally.bad_golds or tally.skipped else 0)
