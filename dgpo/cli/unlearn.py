"""``dgpo unlearn``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dgpo.cli.train import TAKES_OVERRIDES, ConfigDir, Overrides

app = typer.Typer()
unlearn = typer.Typer(help="make a model forget marked spans of text, and judge what is left", no_args_is_help=True)
app.add_typer(unlearn, name="unlearn")


@unlearn.command("train", context_settings=TAKES_OVERRIDES)
def unlearn_train(
    overrides: Overrides = None,
    config_name: Annotated[str, typer.Option(help="An experiment in configs/, or in --config-dir.")] = "unlearn",
    config_dir: ConfigDir = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the resolved config, check it and its files, and stop.")
    ] = False,
) -> None:
    """Unlearn with a method of configs/method, and export the model. The same command resumes where it ended.

    Exit status: 0 when done, 1 when the run failed, 2 when config, files or rows are refused, 130 when interrupted.
    """
    from dgpo.progress import interruptible
    from dgpo.unlearning.train import train_from

    with interruptible("the same command goes on from the last complete checkpoint, if there is one"):
        status = train_from(config_name, overrides or (), config_dir, dry_run=dry_run)
    raise typer.Exit(status)


@unlearn.command("world")
def unlearn_world(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for data-SEED and the model, untrained-SEED")],
    seed: Annotated[int, typer.Option(min=0, help="seed of the authors and of the weights")] = 0,
) -> None:
    """Invent authors, with questions about them and the sensitive words marked, and a small model to learn them."""
    from dgpo.unlearning.world import make_model, write

    data, model = out / f"data-{seed}", out / f"untrained-{seed}"
    counts = write(data, seed)
    print(f"{data}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    print(f"{model}: {make_model(model, data, seed):,} parameters")


@unlearn.command("spans")
def unlearn_spans(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="rows that are to be forgotten")],
    tokenizer: Annotated[str, typer.Option(help="model whose tokens are counted: a folder or hub id")] = "",
    first_n: Annotated[int, typer.Option(min=0, help="tokens of a span that PALU flattens; 0 for all")] = 3,
    rows: Annotated[int, typer.Option(min=0, help="number of rows to show")] = 20,
    without_spans: Annotated[
        Literal["refuse", "drop", "keep", "all"],
        typer.Option(help="rows without spans: refuse, drop, keep (all preserved), all (all sensitive)"),
    ] = "refuse",
    inside_words: Annotated[bool, typer.Option("--inside-words", help="a span may cut a word")] = False,
) -> None:
    """Show in colours what a file marks as sensitive, with the tokens of each class."""
    from dgpo.unlearning.preview import show

    show(file, tokenizer, first_n, rows, without_spans, inside_words=inside_words)


@unlearn.command("eval")
def unlearn_eval(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="run, folder, hub id, or earlier result")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="folder of rows, with forget.jsonl")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="folder for the result of each model, report.md and a picture")
    ],
    retain: Annotated[
        str, typer.Option(metavar="MODEL", help="model that never saw the forget rows, or its result")
    ] = "",
    relearn_lr: Annotated[
        float, typer.Option(help="learning rate of the relearning attack, such as that of training; 0: no attack")
    ] = 0.0,
    template: Annotated[str, typer.Option(help="prompt, with {question} in it (default: the chat template)")] = "",
    max_length: Annotated[int, typer.Option(min=2, help="tokens of a row")] = 512,
    batch_size: Annotated[int, typer.Option(min=1, help="rows at a time")] = 64,
    resamples: Annotated[int, typer.Option(min=0, help="number of resamples of the bootstrap over authors")] = 400,
    again: Annotated[bool, typer.Option("--again", help="measure models again that have a result in --out")] = False,
) -> None:
    """Measure TOFU's metrics, privacy leakage and two attacks on models, with intervals, in a table and a picture."""
    from dgpo.progress import interruptible
    from dgpo.unlearning.evaluate import Options, evaluate

    options = Options(template=template or None, max_length=max_length, batch_size=batch_size, relearn_lr=relearn_lr)
    with interruptible(f"the models that were measured are in {out}, and the same command goes on"):
        evaluate(models, data, out, retain, options, resamples, again=again)
