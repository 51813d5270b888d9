"""``dgpo data`` and ``dgpo model``."""

import typer

from dgpo.cli.passing import OLD, run

app = typer.Typer()
data = typer.Typer(help="training sets, benchmarks and your own files as prompts", no_args_is_help=True)
app.add_typer(data, name="data")
model = typer.Typer(help="the small model of the quick start", no_args_is_help=True)
app.add_typer(model, name="model")


@data.command("arithmetic", context_settings=OLD, help="write the quick start's problems")
def data_arithmetic(ctx: typer.Context) -> None:
    run("dgpo.tasks.arithmetic", ctx.args)


@data.command("list", context_settings=OLD, help="the data sets that can be prepared")
def data_list(ctx: typer.Context) -> None:
    run("dgpo.data.listing", ctx.args)


@data.command("prepare", context_settings=OLD, help="a data set, or your own file, as prompts with a manifest")
def data_prepare(ctx: typer.Context) -> None:
    run("dgpo.data.prepare_command", ctx.args)


@data.command("check", context_settings=OLD, help="check prompt files")
def data_check(ctx: typer.Context) -> None:
    run("dgpo.data.check", ctx.args)


@model.command("small", context_settings=OLD, help="make the quick start's model, untrained")
def model_small(ctx: typer.Context) -> None:
    run("dgpo.tasks.small_model", ctx.args)


@model.command("warm-start", context_settings=OLD, help="teach it with a noisy teacher")
def model_warm_start(ctx: typer.Context) -> None:
    run("dgpo.tasks.warm_start", ctx.args)
