"""The error for what a person can mend, and the check of a number that one has set."""

import contextlib
import math
import pkgutil
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

Choice = TypeVar("Choice")


class UserError(Exception):
    """A fault of input, config, file or machine that the person who gave the command can mend.

    The message begins with the key, option or file and its value, says what is wrong, and ends with the remedy:
    ``data.train_batch_size=0: it must be above 0; choose 32``. Every command prints it alone and exits with 2
    (`dgpo.cli.main`), so it is raised wherever such a fault is found, and caught nowhere else.
    """


def one_line(error: BaseException) -> str:
    """The message of a library's exception, or its name, on a line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextlib.contextmanager
def loading(what: str, option: str, remedy: str) -> Iterator[None]:
    """Raise `UserError` about ``option``, such as ``model.path=DIR``, where loading ``what`` from it fails."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # transformers, safetensors, tokenizers and the hub raise kinds of their own
        raise UserError(f"{option}: no {what} can be loaded ({one_line(error)}); {remedy}") from error


def choose(what: str, key: str, name: Any, choices: Mapping[str, Choice]) -> Choice:
    """The choice of this name, or a person's own, ``module:name``; UserError about ``key`` where there is neither."""
    remedy = f"choose one of {', '.join(choices)}, or module:name of your own, where Python finds it (PYTHONPATH)"
    with loading(what, f"{key}={name}", remedy):
        return choices[name] if name in choices else pkgutil.resolve_name(name)


def check_number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
    integer: bool = False,
    unit: str = "",
) -> None:
    """Require a finite number, or an integer, in the range; ValueError with name, value, range and unit."""
    kind_of_number: type = Integral if integer else Real
    is_number = isinstance(value, kind_of_number) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and above < value < below and at_least <= value <= at_most):
        low = f"({above:g}" if above > at_least else f"[{at_least:g}"
        high = f"{below:g})" if below <= at_most else f"{at_most:g}]"
        kind = ("an integer" if integer else "a number") + (f" of {unit}" if unit else "")
        raise ValueError(f"{name}={value!r} must be {kind} in {low}, {high}")
