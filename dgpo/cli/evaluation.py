"""``dgpo eval``."""

import typer

from dgpo.cli.passing import OLD, run

app = typer.Typer()
eval = typer.Typer(help="avg@k, pass@k and maj@k of models", no_args_is_help=True)
app.add_typer(eval, name="eval")


@eval.command("run", context_settings=OLD, help="generate answers to benchmarks with vLLM")
def eval_run(ctx: typer.Context) -> None:
    run("dgpo.evaluation.run", ctx.args)


@eval.command("score", context_settings=OLD, help="score saved answers, without a GPU")
def eval_score(ctx: typer.Context) -> None:
    run("dgpo.evaluation.score", ctx.args)


@eval.command("report", context_settings=OLD, help="compare evaluations: table, pictures, errors")
def eval_report(ctx: typer.Context) -> None:
    run("dgpo.evaluation.report", ctx.args)
