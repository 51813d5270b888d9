"""What a policy-loss method is: a class of hyper-parameters with a log gradient weight, and a name in `METHODS`.

A hyper-parameter that verl's actor config has too (`ACTOR_KEYS`) is read from there alone, all others from
`actor.policy_loss`. Its `dual_clip` switches on a cap that a method has off by default, with `actor.clip_ratio_c`.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from torch import Tensor

from dgpo.errors import bounded, check_fields


@dataclass(frozen=True, kw_only=True)
class Method:
    """One policy-loss method with its hyper-parameters, which are checked once, here: a ValueError names the range.

    A subclass has a `name`, fields of its own with their bounds, and gives `log_weight`. Its field `clip_ratio_c`, if
    any, is the ratio above which it holds F for A < 0, or None.

    Attributes:
        name: the key in `METHODS`.
        clip_ratio_low: ε_low in (0, 1); the left boundary is the ratio lo = 1 - ε_low.
        clip_ratio_high: ε_high > 0; the right boundary is hi = 1 + ε_high. The metrics' regions have these bounds.
    """

    name: ClassVar[str]
    clip_ratio_low: float = bounded(0.2, above=0.0, below=1.0)
    clip_ratio_high: float = bounded(0.2, above=0.0)

    def __post_init__(self) -> None:
        check_fields(self)

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


ACTOR_KEYS = ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "tau_pos", "tau_neg")
METHODS: dict[str, type[Method]] = {}
AnyMethod = TypeVar("AnyMethod", bound=type[Method])


def register_method(method: AnyMethod) -> AnyMethod:
    """Class decorator: add `method` to `METHODS`; ValueError if another has its name."""
    if METHODS.setdefault(method.name, method) is not method:
        raise ValueError(f"policy-loss method {method.name!r} is already registered; choose another name")
    return method


def make_method(name: str | Method, given: dict[str, Any]) -> Method:
    """The method called `name` with the hyper-parameters `given`, defaults for the rest; a `Method` as it is.

    Raises:
        ValueError: an unknown method or hyper-parameter, or a value outside its range, with name, value and range.
    """
    if isinstance(name, Method):
        return name
    if name not in METHODS:
        raise ValueError(f"unknown policy-loss method {name!r}; known methods: {', '.join(sorted(METHODS))}")
    known = [field.name for field in fields(METHODS[name])]
    for key in given.keys() - known:
        raise ValueError(f"{key}={given[key]!r} is no hyper-parameter of {name!r}, which has {', '.join(known)}")
    return METHODS[name](**given)


def has_optional_cap(method: type[Method]) -> bool:
    """Whether `method` has a `clip_ratio_c` that is off by default."""
    return getattr(method, "clip_ratio_c", math.inf) is None


def shared_keys(method: type[Method], actor: Any) -> set[str]:
    """The hyper-parameters of `method` that it reads from verl's own keys in this `actor`."""
    shared = {field.name for field in fields(method)}.intersection(ACTOR_KEYS)
    if has_optional_cap(method) and not actor["policy_loss"].get("dual_clip", False):
        shared.discard("clip_ratio_c")
    return shared


def configured(method: type[Method], actor: Any) -> Method:
    """`method` with its hyper-parameters in an actor config: a dataclass of verl's, a DictConfig or a plain dict.

    A bound of the clip range that is null is verl's single `actor.clip_ratio`.

    Raises:
        ValueError: a value is outside its range.
    """
    own = [field for field in fields(method) if field.name not in ACTOR_KEYS]
    values = {field.name: actor["policy_loss"].get(field.name, field.default) for field in own}
    values |= {key: actor[key] for key in shared_keys(method, actor)}
    for bound in ("clip_ratio_low", "clip_ratio_high"):
        if values[bound] is None:
            values[bound] = actor["clip_ratio"]
    return method(**values)
