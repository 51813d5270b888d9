"""``dgpo report``, ``compare``, ``rollouts``, ``export`` and ``plot``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from dgpo.cli.several import SeveralValues
from dgpo.errors import UserError

app = typer.Typer()
plot = typer.Typer(help="Pictures of gradient weights.", no_args_is_help=True)
app.add_typer(plot, name="plot")

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart/dgpo-0.")]


def written(files: Iterable[Path]) -> None:
    print("\nwritten: " + ", ".join(map(str, files)))


@app.command()
def report(run: Run) -> None:
    """Print the table of a run, and write table and picture into its folder."""
    from dgpo.runs.report import write_report

    written(write_report(run))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    out: Annotated[Path, typer.Option(help="Folder for compare.md, .json, .png, .svg.", show_default=False)],
) -> None:
    """Compare runs, with the seeds of an experiment together: a table, and curves over steps."""
    from dgpo.runs.compare import compare_runs

    written(compare_runs(runs, out))


@app.command()
def rollouts(
    run: Annotated[Path, typer.Argument(metavar="RUN|EVAL_DIR", help="A run folder, or one of dgpo eval run.")],
    step: Annotated[int | None, typer.Option(help="Only groups of this step.", show_default=False)] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only groups with this text in their prompt.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most answers to show.")] = 500,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page; default: RUN/rollouts.html.", show_default=False)
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve it to a browser on this machine, until Ctrl-C.")
    ] = False,
    terminal: Annotated[bool, typer.Option("--terminal", help="Print one group here, and write no page.")] = False,
) -> None:
    """Write a page, in one file, of what the model wrote, why it was right, and how hard each token was pushed.

    It shows the groups that the run kept: run.keep_rollouts=2 keeps two a step. For a scored evaluation it shows the
    answers to each problem, without the push.
    """
    if (run / "generations").is_dir():
        if step is not None or terminal:
            raise UserError(
                f"{run} is an evaluation, which has no steps and no tokens: leave out --step and --terminal"
            )
        from dgpo.evaluation.page import write_page

        file = write_page(run, out, prompt=prompt, limit=limit)
    elif terminal:
        if out or serve:
            raise UserError("--terminal writes no page: leave out --out and --serve")
        from dgpo.runs.rollouts import show_group

        show_group(run, step=step, prompt=prompt, limit=limit)
        return
    else:
        from dgpo.runs.rollouts import write_rollouts

        file = write_rollouts(run, out, step=step, prompt=prompt, limit=limit)
    written([file])
    if serve:
        from dgpo.progress import say
        from dgpo.runs.html import serve as serve_file

        serve_file(file, say)


@app.command()
def export(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or its checkpoints/global_step_N.")],
    out: Annotated[
        Path | None, typer.Option(help="The directory to make; --best has a default in the run.", show_default=False)
    ] = None,
    best: Annotated[
        bool,
        typer.Option(
            "--best",
            help="The best by validation score. Without --out it goes to RUN/best-STEP, which RUN/best links to.",
        ),
    ] = False,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="Only the adapter of a LoRA run, as PEFT and vLLM load it.")
    ] = False,
) -> None:
    """Export a checkpoint as a Hugging Face directory, in bfloat16, which vLLM and transformers load.

    For a LoRA run it is the model with its adapter merged in.
    """
    from dgpo.runs.export import export_run

    checkpoint, target = export_run(source, out, best=best, adapter=adapter)
    print(f"{checkpoint} -> {target}")


@plot.command("weights", cls=SeveralValues)
def plot_weights(
    methods: Annotated[
        list[str] | None, typer.Option(help="Names, with hyper-parameters as in dgpo:n=2,m=4.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the four files.")] = Path("plots"),
    old_prob: Annotated[float, typer.Option(help="π_old of the token, in (0, 1).")] = 0.5,
    advantage: Annotated[float, typer.Option(help="Size of A; only maspo depends on it.")] = 1.0,
    clip_ratio_low: Annotated[float, typer.Option(help="ε_low, in (0, 1).")] = 0.2,
    clip_ratio_high: Annotated[float, typer.Option(help="ε_high, above 0.")] = 0.2,
) -> None:
    """Draw the gradient weights of the losses, F and W = F/π, against the ratio and against the probability."""
    from dgpo.studies import weights

    clip_range = {"clip_ratio_low": clip_ratio_low, "clip_ratio_high": clip_ratio_high}
    chosen = methods or weights.DEFAULT_METHODS
    written(weights.plot_weights(chosen, out, old_prob=old_prob, advantage=advantage, **clip_range))


@plot.command("distribution")
def plot_distribution(run: Run) -> None:
    """Draw the gradient weights of tokens that a run has trained on, into its folder.

    They are the tokens of the groups that it kept: run.keep_rollouts=2 keeps two a step.
    """
    from dgpo.runs.token_weights import plot_distribution

    written(plot_distribution(run))
