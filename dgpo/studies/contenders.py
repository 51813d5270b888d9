"""The losses of a study, by what a person types: `dgpo:n=2,m=2`, also one of the person's own."""

import ast
import importlib
import importlib.util
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from dgpo.errors import UserError, loading
from dgpo.losses import gradient_weight
from dgpo.losses.base import Method, make_method

PROBES = 25

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
        methods = {text: parse_method(text, Method())[1] for text in texts}
    except ValueError as error:
        raise UserError(f"{error}; `--import MODULE` brings losses of your own") from error
    for text, method in methods.items():
        with loading("loss", f"--methods {text}", "mend its log_weight"):
            if len(weights := weights_of(method)) != 2 * PROBES or not all(map(math.isfinite, weights)):
                raise ValueError(f"F must be as many finite numbers as there are tokens, not {weights}")
    return methods


def parse_method(text: str, clip_range: Method) -> tuple[str, Method]:
    """`"dgpo:n=2,m=4"` to its label and its method, in `clip_range` unless it sets its own.

    Raises:
        ValueError: what `make_method` raises, or a setting that is not name=value with a Python literal for a value.
    """
    name, _, settings = text.partition(":")
    options = {}
    for setting in filter(None, settings.split(",")):
        key, separator, value = setting.partition("=")
        try:
            options[key] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            separator = ""
        if not separator:
            raise ValueError(f"--methods {text}: {setting!r} must be name=value, such as n=2 or one_sided=True")
    label = name + (f" ({', '.join(f'{key}={value}' for key, value in options.items())})" if options else "")
    try:
        return label, make_method(name, asdict(clip_range) | options)
    except ValueError as error:
        raise ValueError(f"--methods {text}: {error}") from error


def weights_of(loss: Method) -> list[float]:
    """F of a loss at log ratios from -3 to 3, for a wrong and a right token: what tells it from another of its name."""
    log_ratio = torch.linspace(-3.0, 3.0, PROBES).repeat(2)
    advantages = torch.tensor([-1.0, 1.0]).repeat_interleave(PROBES)
    return gradient_weight(loss, log_ratio, advantages, torch.full_like(log_ratio, -1.0)).flatten().tolist()


def import_losses(module: str) -> None:
    """Import a module on the Python path, or in the working directory, or by its file."""
    file = Path(module)
    with loading("loss", f"--import {module}", "give a module on the Python path, or a .py file, that registers one"):
        if file.suffix == ".py":
            spec = importlib.util.spec_from_file_location(file.stem, file)
            assert spec is not None and spec.loader is not None  # there is a loader for .py
            loaded = importlib.util.module_from_spec(spec)
            sys.modules[file.stem] = loaded  # dataclasses look for their module there
            spec.loader.exec_module(loaded)
        else:
            sys.path.insert(0, "")
            importlib.import_module(module)
