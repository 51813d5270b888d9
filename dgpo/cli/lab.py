"""``dgpo lab``."""

from pathlib import Path
from typing import Annotated

import typer

from dgpo.cli.runs import written
from dgpo.cli.several import SeveralValues

app = typer.Typer()
lab = typer.Typer(help="what losses do, shown on this machine in minutes, without a trainer", no_args_is_help=True)
app.add_typer(lab, name="lab")

Out = Annotated[Path, typer.Option(metavar="DIR", help="folder for tables and figures")]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METHOD...",
        help="losses, with hyper-parameters as in dgpo:n=2,m=4 (default: the family, by its papers' values)",
        show_default=False,
    ),
]
Module = Annotated[
    str | None,
    typer.Option(
        "--import", metavar="MODULE", help="module or .py file that registers losses of yours", show_default=False
    ),
]


@lab.command("mechanism", cls=SeveralValues)
def lab_mechanism(
    out: Out,
    methods: Methods = None,
    module: Module = None,
    seeds: Annotated[int, typer.Option(help="number of seeds of the tabular policy, for n and m")] = 30,
    rare: Annotated[float, typer.Option(help="probability of a right token there before training")] = 0.03,
) -> None:
    """Show how each loss moves a wrong and a right token, and what n and m of DGPO do to entropy."""
    from dgpo.studies.contenders import PAPERS
    from dgpo.studies.mechanism import study_mechanism

    written(study_mechanism(methods or PAPERS, out, seeds=seeds, rare=rare, module=module))


@lab.command("compare", cls=SeveralValues)
def lab_compare(
    out: Out,
    methods: Methods = None,
    module: Module = None,
    rates: Annotated[list[float], typer.Option(metavar="RATE...", help="learning rates")] = [2e-4, 4e-4, 8e-4, 1.6e-3],  # noqa: B006
    seeds: Annotated[int, typer.Option(help="number of seeds")] = 10,
    first_seed: Annotated[int, typer.Option(help="the first seed; the others follow it")] = 0,
    setting: Annotated[
        str, typer.Option(help="updates a batch: reuse (64, a batch is read 4 times), many (64, once), few (16, once)")
    ] = "reuse",
    steps: Annotated[
        int | None, typer.Option(help="steps of a run (default: the setting's)", show_default=False)
    ] = None,
    reference: Annotated[str, typer.Option(help="the method that others are compared with")] = "dgpo:n=2",
) -> None:
    """Train a small policy with all methods, learning rates and seeds: tables, figures, and a verdict for each claim.

    The same command resumes; runs that are done are only read.
    """
    from dgpo.studies.compare import study_compare
    from dgpo.studies.contenders import PAPERS

    chosen = range(first_seed, first_seed + seeds)
    names = methods or PAPERS
    files = study_compare(
        names, out, rates=rates, seeds=chosen, setting=setting, steps=steps, reference=reference, module=module
    )
    written(files)
