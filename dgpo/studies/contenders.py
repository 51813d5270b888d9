"""The losses of a study, by what a person types: `dgpo:n=2,m=2`, also one of the person's own."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from dgpo.errors import UserError
from dgpo.losses.base import Method, parse_method

# Each with the values that its paper has for the smallest model.
PAPERS = (
    "grpo",
    "aspo",
    "cispo",
    "cispo:one_sided=True,clip_ratio_high=4.0",
    "gppo:clip_ratio_high=0.28",
    "ce_gppo:beta1=0.5",
    "maspo:alpha=0.5",
    "sapo",
    "dgpo",
    "dgpo:n=2",
)


def contenders(texts: Sequence[str], module: str | None = None) -> dict[str, Method]:
    """The methods that `texts` name, by these texts, after an import of `module`, which may register more.

    Raises:
        UserError: no such module, an unknown method or hyper-parameter, a value out of range, the same text twice.
    """
    if module:
        import_losses(module)
    if len(set(texts)) < len(texts):
        raise UserError(f"--methods {' '.join(texts)}: one of them stands there twice; name each once")
    try:
        return {text: parse_method(text, Method())[1] for text in texts}
    except ValueError as error:
        raise UserError(f"{error}; `--import MODULE` brings losses of your own") from error


def import_losses(module: str) -> None:
    """Import a module on the Python path, or in the working directory, or by its file."""
    file = Path(module)
    try:
        if file.suffix == ".py":
            spec = importlib.util.spec_from_file_location(file.stem, file)
            assert spec is not None and spec.loader is not None  # there is a loader for .py
            loaded = importlib.util.module_from_spec(spec)
            sys.modules[file.stem] = loaded  # dataclasses look for their module there
            spec.loader.exec_module(loaded)
        else:
            sys.path.insert(0, "")
            importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise UserError(f"--import {module}: {error}; give a module on the Python path, or a .py file") from error
