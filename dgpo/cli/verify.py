"""``dgpo verify``."""

import typer

from dgpo.cli.passing import OLD, run

app = typer.Typer()


@app.command("verify", context_settings=OLD, help="check answers against ground truths; explain a verdict")
def verify(ctx: typer.Context) -> None:
    run("dgpo.verifier.command", ctx.args)
