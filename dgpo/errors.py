"""The error for what a person can mend, and the checks of what one has set: a number, the fields of a dataclass."""

import contextlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, field, fields
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

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


def bounded(default: Any = MISSING, **bounds: Any) -> Any:
    """A field of a dataclass that `check_fields` holds to bounds of `check_number`."""
    return field(default=default, metadata=bounds)


def one_of(*choices: str) -> Any:
    """A field that has one of these, or a list of some, for where its type cannot be a Literal."""
    return field(metadata={"choices": choices})


def check_fields(settings: Any, spelled: Callable[[str], str] = str) -> None:
    """Require of a dataclass what its fields say: bounds, an integer or number where the default is one, true or false
    where that is, one of a Literal or of choices, or a list of them. None is for those whose type has it.

    Args:
        spelled: makes of a field's name what a person has written.

    Raises:
        ValueError: as `check_number`.
    """
    types = get_type_hints(type(settings))  # a file of one's own may postpone its annotations, which are texts then
    for each in fields(settings):
        name, value, kind = spelled(each.name), getattr(settings, each.name), types[each.name]
        if value is None and type(None) in get_args(kind):
            continue
        if isinstance(each.default, bool) and not isinstance(value, bool):
            raise ValueError(f"{name}={value!r} must be True or False")
        if choices := get_args(kind) if get_origin(kind) is Literal else each.metadata.get("choices"):
            for one in value if isinstance(value, list) else [value]:
                if one not in choices:
                    raise ValueError(f"{name}={one!r} must be one of {', '.join(choices)}")
        elif each.metadata or type(each.default) in (int, float):
            check_number(name, value, integer=type(each.default) is int, **each.metadata)


def check_options(settings: Any) -> None:
    """`check_fields` of what a command's options gave; UserError."""
    try:
        check_fields(settings, lambda name: f"--{name.replace('_', '-')}")
    except ValueError as error:
        raise UserError(f"{error}; choose such a one") from error
