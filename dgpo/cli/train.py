"""``dgpo train``, ``check`` and ``plan``."""

import typer

from dgpo.cli.passing import OLD, run

app = typer.Typer()


@app.command("train", context_settings=OLD, help="train a model")
def train(ctx: typer.Context) -> None:
    run("dgpo.training.train", ctx.args)


@app.command("check", context_settings=OLD, help="check a config without starting anything")
def check(ctx: typer.Context) -> None:
    run("dgpo.config.checks.command", ctx.args)


@app.command("plan", context_settings=OLD, help="GPU memory that a config needs, and what to change if it is too much")
def plan(ctx: typer.Context) -> None:
    run("dgpo.config.memory.command", ctx.args)
