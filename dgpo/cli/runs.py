"""``dgpo report``, ``compare``, ``export`` and ``plot``."""

import typer

from dgpo.cli.passing import OLD, run

app = typer.Typer()
plot = typer.Typer(help="pictures of gradient weights", no_args_is_help=True)
app.add_typer(plot, name="plot")


@app.command("report", context_settings=OLD, help="table and picture of a run")
def report(ctx: typer.Context) -> None:
    run("dgpo.runs.report", ctx.args)


@app.command("compare", context_settings=OLD, help="runs side by side: table and curves")
def compare(ctx: typer.Context) -> None:
    run("dgpo.runs.compare", ctx.args)


@app.command("export", context_settings=OLD, help="turn a checkpoint into a Hugging Face directory")
def export(ctx: typer.Context) -> None:
    run("dgpo.runs.export", ctx.args)


@plot.command("weights", context_settings=OLD, help="gradient weights of the losses")
def plot_weights(ctx: typer.Context) -> None:
    run("dgpo.losses.plot", ctx.args)


@plot.command("distribution", context_settings=OLD, help="gradient weights of a run's tokens")
def plot_distribution(ctx: typer.Context) -> None:
    run("dgpo.runs.token_weights", ctx.args)
