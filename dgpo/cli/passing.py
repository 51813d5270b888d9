"""Commands that still read their arguments themselves."""

import importlib
from collections.abc import Sequence

import typer

OLD = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def run(module: str, argv: Sequence[str]) -> None:
    """Hand the arguments to the module's ``main``."""
    raise typer.Exit(importlib.import_module(module).main(argv) or 0)
