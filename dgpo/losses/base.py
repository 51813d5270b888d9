"""What a policy-loss method is: a config dataclass, a log gradient weight, and a name in `METHODS`."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch

LogWeight = Callable[..., torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """Hyper-parameters every method has: the clip range, which also bounds the regions in the metrics.

    Attributes:
        clip_ratio_low: ε_low in (0, 1); the left boundary is the ratio lo = 1 - ε_low.
        clip_ratio_high: ε_high > 0; the right boundary is the ratio hi = 1 + ε_high.

    Raises:
        ValueError: a value is outside its range.
    """

    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.2

    def __post_init__(self) -> None:
        check_number("clip_ratio_low", self.clip_ratio_low, above=0.0, below=1.0)
        check_number("clip_ratio_high", self.clip_ratio_high, above=0.0)


@dataclass(frozen=True, kw_only=True)
class Method:
    """One policy-loss method.

    Attributes:
        name: the key in `METHODS`.
        config: dataclass of hyper-parameters, a subclass of `MethodConfig` that checks them.
        log_weight: pure function `(log_ratio, advantages, old_log_prob, **hyper_parameters) -> log F`, all
            tensors `(B, T)` float32; minus infinity where F is zero. It runs without autograd.
        log_value: same signature, the logarithm of V in the loss value -A·V; None where V is F. Only methods
            whose clipped tokens have a constant, non-zero loss (PPO's) need it.
        capped_by: hyper-parameter that caps F for A < 0, for the metric `pg_clipfrac_lower`; None for none.
    """

    name: str
    config: type[MethodConfig]
    log_weight: LogWeight
    log_value: LogWeight | None = None
    capped_by: str | None = None


METHODS: dict[str, Method] = {}


def register_method(method: Method) -> Method:
    """Add `method` to `METHODS` and return it.

    Raises:
        ValueError: the name is taken by another method.
    """
    known = METHODS.get(method.name)
    if known is not None and known.log_weight is not method.log_weight:
        raise ValueError(f"policy-loss method {method.name!r} is already registered; choose another name")
    METHODS[method.name] = method
    return method


def find_method(name: str) -> Method:
    """The registered method called `name`.

    Raises:
        ValueError: there is none.
    """
    if name not in METHODS:
        raise ValueError(f"unknown policy-loss method {name!r}; known methods: {', '.join(sorted(METHODS))}")
    return METHODS[name]


def hyper_parameters(method: Method, given: dict[str, Any]) -> dict[str, Any]:
    """Defaults of `method` updated by `given`, checked.

    Raises:
        ValueError: an unknown name or a value outside its range; the message has the name, value and range.
    """
    known = [field.name for field in fields(method.config)]
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{name}={value!r} is no hyper-parameter of {method.name!r}, which has {', '.join(known)}")
    return asdict(method.config(**given))


def check_number(
    name: str, value: Any, *, above: float = -math.inf, below: float = math.inf, closed: bool = False
) -> None:
    """Require a finite real `value` in (above, below), or in [above, below) when `closed`.

    Raises:
        ValueError: with the name, the value and the range.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not (is_number and (above < value or (closed and above == value)) and value < below):
        opening = "[" if closed else "("
        raise ValueError(f"{name}={value!r} must be a number in {opening}{above:g}, {below:g})")


def check_positive_int(name: str, value: Any) -> None:
    """Require an integer `value` of at least 1.

    Raises:
        ValueError: with the name, the value and the range.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}={value!r} must be an integer in [1, inf)")


def check_flag(name: str, value: Any) -> None:
    """Require True or False.

    Raises:
        ValueError: with the name, the value and the range.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r} must be True or False")


def check_cap(name: str, value: Any) -> None:
    """Require a ratio cap `value` above 1, or None for no cap.

    Raises:
        ValueError: with the name, the value and the range.
    """
    if value is not None:
        check_number(name, value, above=1.0)
