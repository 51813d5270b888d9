"""verl's side of the losses: one `PolicyLossConfig` subclass and one registered policy loss per method.

Importing this module registers every method with verl, so a config whose `_target_` names a class of this module cannot
run without its loss. `base` says which key is read for which hyper-parameter.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from omegaconf import DictConfig
from torch import Tensor
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, register_policy_loss
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.config import ActorConfig, PolicyLossConfig

from dgpo.losses.base import ACTOR_KEYS, METHODS, Method, configured, has_optional_cap, shared_keys
from dgpo.losses.surrogate import policy_loss

# Keys of verl's PolicyLossConfig that only verl's own losses read.
VERL_KEYS = ("clip_cov_ratio", "clip_cov_lb", "clip_cov_ub", "kl_cov_ratio", "ppo_kl_coef", "dro_beta")
PolicyLoss = Callable[..., tuple[Tensor, dict[str, float]]]


def verl_name(method: type[Method]) -> str:
    """`policy_loss.loss_mode`, the name of `method` in verl's registry: its own, unless verl has such a loss."""
    return f"dgpo_{method.name}" if method.name in ("cispo", "sapo") else method.name


def config_class(method: type[Method], module: str | None = None) -> type[PolicyLossConfig]:
    """Register `method` with verl and make the dataclass of its `actor.policy_loss`, `<Class>PolicyLossConfig`.

    It must be a global of that name, for `_target_` and for pickle, in `module` or else in the method's own. Its keys
    are the hyper-parameters that verl's ActorConfig does not have. It refuses unknown keys, values outside their
    range, another `loss_mode`, and what only verl's own losses read.
    """
    register(verl_name(method), loss_function(method))
    own = [field for field in dataclasses.fields(method) if field.name not in ACTOR_KEYS]
    optional_cap = has_optional_cap(method)

    def __post_init__(self: Any) -> None:
        if self.loss_mode != verl_name(method):
            wrong = f"actor.policy_loss.loss_mode={self.loss_mode!r} must be {verl_name(method)!r} with {made.__name__}"
            raise ValueError(f"{wrong}; choose another method by policy_loss=<method>")
        if optional_cap and not isinstance(self.dual_clip, bool):
            raise ValueError(f"actor.policy_loss.dual_clip={self.dual_clip!r} must be true or false")
        refuse_changed("actor.policy_loss.", self, PolicyLossConfig, VERL_KEYS, method.name)
        method(**{field.name: getattr(self, field.name) for field in own})

    keys: list[tuple[str, Any, Any]] = [("loss_mode", str, verl_name(method))]
    keys += [(field.name, field.type, field.default) for field in own]
    keys += [("dual_clip", bool, False)] if optional_cap else []
    made = dataclasses.make_dataclass(
        f"{method.__name__}PolicyLossConfig",
        [(key, kind, dataclasses.field(default=default)) for key, kind, default in keys],
        bases=(PolicyLossConfig,),
        namespace={
            "__doc__": method.__doc__,
            "__module__": module or method.__module__,
            "__post_init__": __post_init__,
            "method": method,
            "check": lambda self, actor: checked(method, actor),
        },
    )
    return made


def checked(method: type[Method], actor: Any) -> Method:
    """`method` with the hyper-parameters of an actor config, a dataclass or DictConfig.

    Raises:
        ValueError: a value outside its range, a cap without a value, a changed key without effect on this method.
    """
    read, optional_cap = shared_keys(method, actor), has_optional_cap(method)
    if optional_cap and "clip_ratio_c" in read and actor["clip_ratio_c"] is None:
        raise ValueError("actor.policy_loss.dual_clip=true has no cap: actor.clip_ratio_c is null; set it above 1")
    refuse_unread(actor, read, method.name, "set actor.policy_loss.dual_clip=true" if optional_cap else "remove it")
    return configured(method, actor)


def refuse_unread(actor: Any, read: Iterable[str], loss: str, for_cap: str = "remove it") -> None:
    """Refuse changed keys of an actor config that `loss` does not read; `for_cap` is the remedy for clip_ratio_c."""
    refuse_changed("actor.", actor, ActorConfig, {"clip_ratio_c"}.difference(read), loss, for_cap)
    refuse_changed("actor.", actor, ActorConfig, set(ACTOR_KEYS).difference(read), loss)
    if actor["clip_ratio_low"] is not None and actor["clip_ratio_high"] is not None:
        refuse_changed("actor.", actor, ActorConfig, ["clip_ratio"], loss)


def refuse_changed(
    prefix: str, section: Any, defaults: type, keys: Iterable[str], loss: str, remedy: str = "remove it"
) -> None:
    for key in keys:
        if section[key] != defaults.__dataclass_fields__[key].default:
            raise ValueError(f"{prefix}{key}={section[key]!r} has no effect on {loss!r}; {remedy}")


def check_actor(actor: Any) -> None:
    """Refuse, before a run, all that its policy loss would refuse at the first update.

    Args:
        actor: the `actor_rollout_ref.actor` section, a DictConfig or verl's ActorConfig. One whose `policy_loss` is
            verl's own class is left alone.

    Raises:
        ValueError: with the key, the value and the range or remedy.
    """
    section = actor.policy_loss
    loss_config = omega_conf_to_dataclass(section) if isinstance(section, DictConfig) else section
    if hasattr(loss_config, "check"):
        loss_config.check(actor)  # pyright: ignore[reportAttributeAccessIssue]


def loss_function(method: type[Method]) -> PolicyLoss:
    """The policy loss of `method` as verl calls it: with an actor config, and by name what `policy_loss` takes."""

    def compute(*, config: ActorConfig | None = None, **given: Any) -> tuple[Tensor, dict[str, float]]:
        section: Any = None if config is None else config.policy_loss
        if config is None or getattr(section, "method", None) is not method:
            mismatch = f"the loss {verl_name(method)!r} got config.policy_loss={type(section).__name__}"
            raise ValueError(f"{mismatch}; choose it by policy_loss={method.name}, which sets _target_")
        if "_checked" not in vars(section):  # once: the config is frozen
            section._checked = checked(method, config)
        return policy_loss(section._checked, **given, **config.global_batch_info)

    compute.__name__ = compute.__qualname__ = f"{method.name}_policy_loss"
    return compute


def register(name: str, function: PolicyLoss) -> None:
    """Register a policy loss of ours with verl, once or again; ValueError where another has its name."""
    existing = POLICY_LOSS_REGISTRY.get(name)
    if existing is not None and not existing.__module__.startswith("dgpo."):
        raise ValueError(f"verl already has a policy loss {name!r}, from {existing.__module__}; it is not overwritten")
    register_policy_loss(name)(function)


for _method in METHODS.values():
    if _method.__module__.startswith("dgpo."):
        globals()[f"{_method.__name__}PolicyLossConfig"] = config_class(_method, __name__)
