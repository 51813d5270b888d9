"""``dgpo lab``."""

from pathlib import Path
from typing import Annotated

import typer

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


def written(files: list[Path]) -> None:
    print("\nwritten: " + ", ".join(map(str, files)))


@lab.command("mechanism", cls=SeveralValues)
def lab_mechanism(
    out: Out,
    methods: Methods = None,
    module: Module = None,
    seeds: Annotated[int, typer.Option(help="of the policy in a table, for n and m")] = 40,
    rare: Annotated[float, typer.Option(help="probability of a right token there at first")] = 0.03,
) -> None:
    """A token that vanishes and one that grows under each loss, exactly; what n and m of DGPO do to entropy."""
    from dgpo.studies.contenders import PAPERS
    from dgpo.studies.mechanism import study_mechanism

    written(study_mechanism(methods or PAPERS, out, seeds=seeds, rare=rare, module=module))
