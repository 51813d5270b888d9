"""``dgpo train``, ``check`` and ``plan``: the commands that take a config."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

# An option that there is not goes on to the overrides, which say how it is written.
TAKES_OVERRIDES = {"ignore_unknown_options": True}
ConfigName = Annotated[str, typer.Option(help="An experiment in configs/, or in --config-dir.")]
ConfigDir = Annotated[Path | None, typer.Option(help="Your own folder of configs; they may use ours and verl's.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[key=value ...]", show_default=False, help="Hydra overrides.")
]


@app.command(context_settings=TAKES_OVERRIDES)
def train(
    overrides: Overrides = None,
    config_name: ConfigName = "quickstart",
    config_dir: ConfigDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved config and stop.")] = False,
    print_dir: Annotated[bool, typer.Option("--print-dir", help="Print the run's folder and stop.")] = False,
) -> None:
    """Train a model with verl and a policy loss of dgpo. The same command resumes where an earlier one ended.

    Exit status: 0 when done, 1 when the run failed, 2 when the config is refused, 130 after Ctrl-C, 143 after SIGTERM.
    """
    from dgpo.training.train import train_from

    raise typer.Exit(train_from(config_name, overrides or (), config_dir, dry_run=dry_run, print_dir=print_dir))


@app.command(context_settings=TAKES_OVERRIDES)
def check(
    overrides: Overrides = None,
    config_name: ConfigName = "quickstart",
    config_dir: ConfigDir = None,
    declared: Annotated[
        bool,
        typer.Option(
            "--declared",
            help="For a run elsewhere: trust the config about GPUs, nodes and files, without looking at them.",
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print the plan of GPU memory too, as dgpo plan does.")] = False,
) -> None:
    """Show all problems of a config, with key, value and remedy; starts nothing.

    Exit status: 0 when a run may start, 2 when it would be refused.
    """
    from dgpo.config.commands import check_config

    raise typer.Exit(check_config(config_name, overrides or (), config_dir, declared=declared, plan=plan))


@app.command(context_settings=TAKES_OVERRIDES)
def plan(
    overrides: Overrides = None,
    config_name: ConfigName = "quickstart",
    config_dir: ConfigDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures in bytes, as JSON.")] = False,
    time: Annotated[bool, typer.Option("--time", help="The seconds of a step by phase too, estimated.")] = False,
) -> None:
    """Show the GPU memory of a config by phase, whether it fits, what to change if not, and hours; starts nothing.

    Exit status: 0 when it fits or no memory is stated, 1 when it does not fit.
    """
    from dgpo.config.commands import plan_config
    from dgpo.config.compose import compose_config
    from dgpo.unlearning.plan import plan_unlearning

    composed = compose_config(config_name, overrides or (), config_dir)
    if "method" in composed:
        plan_unlearning(composed, as_json=as_json)
        return
    raise typer.Exit(plan_config(config_name, composed, as_json=as_json, time=time))
