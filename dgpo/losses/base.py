"""What a policy-loss method is: a class of hyper-parameters with a log gradient weight, and a name in `METHODS`."""

import ast
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Method:
    """One policy-loss method with its hyper-parameters, which are checked once, here.

    A subclass has a `name`, fields of its own, checks them in `__post_init__`, and gives `log_weight`. Its field
    `clip_ratio_c`, if any, is the ratio above which it holds F for A < 0, or None.

    Attributes:
        name: the key in `METHODS`.
        clip_ratio_low: ε_low in (0, 1); the left boundary is the ratio lo = 1 - ε_low.
        clip_ratio_high: ε_high > 0; the right boundary is hi = 1 + ε_high. The metrics' regions have these bounds.

    Raises:
        ValueError: a value is outside its range.
    """

    name: ClassVar[str]
    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.2

    def __post_init__(self) -> None:
        check_number("clip_ratio_low", self.clip_ratio_low, above=0.0, below=1.0)
        check_number("clip_ratio_high", self.clip_ratio_high, above=0.0)
        if (cap := getattr(self, "clip_ratio_c", None)) is not None:
            check_number("clip_ratio_c", cap, above=1.0)

    def log_weight(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor:
        """log F, `(B, T)` float32 like the arguments, minus infinity where F is zero. Runs without autograd."""
        raise NotImplementedError

    def log_value(self, log_ratio: Tensor, advantages: Tensor, old_log_prob: Tensor) -> Tensor | None:
        """log V of the loss value -A·V, `(B, T)`; None where V is F, as in all but losses with constant pieces."""
        return None

    @property
    def log_range(self) -> tuple[float, float]:
        """(log lo, log hi)."""
        return math.log1p(-self.clip_ratio_low), math.log1p(self.clip_ratio_high)

    @property
    def log_cap(self) -> float:
        """log c of `clip_ratio_c`, infinite without one."""
        cap = getattr(self, "clip_ratio_c", None)
        return math.inf if cap is None else math.log(cap)


METHODS: dict[str, type[Method]] = {}
AnyMethod = TypeVar("AnyMethod", bound=type[Method])


def register_method(method: AnyMethod) -> AnyMethod:
    """Class decorator: add `method` to `METHODS`; ValueError if another has its name."""
    if METHODS.setdefault(method.name, method) is not method:
        raise ValueError(f"policy-loss method {method.name!r} is already registered; choose another name")
    return method


def make_method(name: str, given: dict[str, Any]) -> Method:
    """The method called `name` with the hyper-parameters `given`, defaults for the rest.

    Raises:
        ValueError: an unknown method or hyper-parameter, or a value outside its range, with name, value and range.
    """
    if name not in METHODS:
        raise ValueError(f"unknown policy-loss method {name!r}; known methods: {', '.join(sorted(METHODS))}")
    known = [field.name for field in fields(METHODS[name])]
    for key in given.keys() - known:
        raise ValueError(f"{key}={given[key]!r} is no hyper-parameter of {name!r}, which has {', '.join(known)}")
    return METHODS[name](**given)


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


def check_number(
    name: str, value: Any, *, above: float = -math.inf, below: float = math.inf, closed: bool = False
) -> None:
    """Require a finite real `value` in (above, below), or [above, below) when `closed`; ValueError with all three."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not (is_number and (above < value or (closed and above == value)) and value < below):
        raise ValueError(f"{name}={value!r} must be a number in {'[' if closed else '('}{above:g}, {below:g})")
