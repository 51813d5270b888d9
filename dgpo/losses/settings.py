"""Where verl's actor config holds the hyper-parameters of a method.

What verl's `ActorConfig` has is read from there and nowhere else: `actor.clip_ratio_low`, `actor.clip_ratio_high`,
`actor.clip_ratio_c`, `actor.tau_pos`, `actor.tau_neg`. The others are keys of `actor.policy_loss`. A cap that a method
has off by default is switched on by `policy_loss.dual_clip`, with the value in `actor.clip_ratio_c`.
"""

from dataclasses import Field, fields
from typing import Any

from dgpo.losses.base import Method

ACTOR_KEYS = ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "tau_pos", "tau_neg")


def has_optional_cap(method: type[Method]) -> bool:
    """Whether `method` has a `clip_ratio_c` that is off by default."""
    return any(field.name == "clip_ratio_c" and field.default is None for field in fields(method))


def own_fields(method: type[Method]) -> list[Field[Any]]:
    """The hyper-parameters of `method` that are keys of `actor.policy_loss`."""
    return [field for field in fields(method) if field.name not in ACTOR_KEYS]


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
    own = {field.name: actor["policy_loss"].get(field.name, field.default) for field in own_fields(method)}
    shared = {key: actor[key] for key in shared_keys(method, actor)}
    for bound in ("clip_ratio_low", "clip_ratio_high"):
        if shared[bound] is None:
            shared[bound] = actor["clip_ratio"]
    return method(**own, **shared)
