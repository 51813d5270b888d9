"""verl's side of the losses: one `PolicyLossConfig` subclass and one registered policy loss per method.

Importing this module registers every method with verl, so a config whose `_target_` names a class of this
module cannot run without its loss.

`settings` says which key is read for which hyper-parameter.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_class
from omegaconf import DictConfig
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, register_policy_loss
from verl.workers.config import ActorConfig, PolicyLossConfig

from dgpo.losses.base import METHODS, Method, find_method, hyper_parameters
from dgpo.losses.settings import ACTOR_KEYS, configured, has_optional_cap, own_fields, shared_keys
from dgpo.losses.surrogate import policy_loss
from dgpo.losses.token_sample import append_sample

# The rule: a method has its own name in verl's registry, and dgpo_<name> where verl has a loss of that name.
VERL_NAMES = {"cispo": "dgpo_cispo", "sapo": "dgpo_sapo"}
UNUSED_KEYS = ("clip_cov_ratio", "clip_cov_lb", "clip_cov_ub", "kl_cov_ratio", "ppo_kl_coef", "dro_beta")


def verl_name(method: Method) -> str:
    """The name of `method` in verl's registry, which is `policy_loss.loss_mode`."""
    return VERL_NAMES.get(method.name, method.name)


def config_class(method: Method, name: str, module: str = __name__) -> type[PolicyLossConfig]:
    """Register `method` with verl and make the dataclass for its `actor.policy_loss`, called `name`.

    The hyper-parameters of `method` are its keys, but for those that verl's ActorConfig has.

    It refuses unknown keys, values outside their range, another method's `loss_mode`, and those keys of
    verl's `PolicyLossConfig` that only verl's own losses read, unless they keep verl's default.

    Args:
        method: the method it configures.
        name: the class's name, under which it must be a global of `module`, for `_target_` and for pickle.
        module: the module's `__name__`.
    """

    register(method)

    def __post_init__(self: Any) -> None:
        if self.loss_mode != verl_name(method):
            raise ValueError(
                f"actor.policy_loss.loss_mode={self.loss_mode!r} must be {verl_name(method)!r} with {name}; "
                "choose another method through policy_loss@actor_rollout_ref.actor.policy_loss=<method>"
            )
        for key in UNUSED_KEYS:
            if getattr(self, key) != PolicyLossConfig.__dataclass_fields__[key].default:
                raise ValueError(
                    f"actor.policy_loss.{key}={getattr(self, key)!r} has no effect on {method.name!r}; remove it"
                )
        if has_optional_cap(method) and not isinstance(self.dual_clip, bool):
            raise ValueError(f"actor.policy_loss.dual_clip={self.dual_clip!r} must be true or false")
        if not isinstance(self.token_sample, int) or self.token_sample < 0:
            raise ValueError(f"actor.policy_loss.token_sample={self.token_sample!r} must be an integer, 0 or more")
        method.config(**{field.name: getattr(self, field.name) for field in own_fields(method)})

    specification: list[tuple[str, Any, Any]] = [
        ("loss_mode", str, dataclasses.field(default=verl_name(method))),
        ("token_sample", int, dataclasses.field(default=0)),
    ]
    specification += [
        (field.name, field.type, dataclasses.field(default=field.default)) for field in own_fields(method)
    ]
    if has_optional_cap(method):
        specification.append(("dual_clip", bool, dataclasses.field(default=False)))
    namespace = {"__post_init__": __post_init__, "__doc__": method.config.__doc__, "__module__": module}
    made = dataclasses.make_dataclass(name, specification, bases=(PolicyLossConfig,), namespace=namespace)
    made.method_name = method.name  # type: ignore[attr-defined]
    return made


def parameters_of(method: Method, actor: Any) -> dict[str, Any]:
    """The hyper-parameters of `method` from an actor config, a dataclass or DictConfig.

    Raises:
        ValueError: an actor key differs from verl's default but has no effect on this method, or a cap has no value.
    """
    shared = shared_keys(method, actor)
    if has_optional_cap(method) and "clip_ratio_c" in shared and actor["clip_ratio_c"] is None:
        raise ValueError("actor.policy_loss.dual_clip=true has no cap: actor.clip_ratio_c is null; set it above 1")
    for key in (*ACTOR_KEYS, "clip_ratio"):
        default = ActorConfig.__dataclass_fields__[key].default
        if key not in shared and actor[key] != default and not _is_fallback(key, actor):
            capped = key == "clip_ratio_c" and has_optional_cap(method)
            hint = "set actor.policy_loss.dual_clip=true" if capped else "remove it"
            raise ValueError(f"actor.{key}={actor[key]!r} has no effect on {method.name!r}; {hint}")
    return configured(method, actor)


def check_actor(actor: Any) -> None:
    """Check an actor config before a run: everything that its policy loss would refuse at the first update.

    Args:
        actor: the `actor_rollout_ref.actor` section, a DictConfig or verl's ActorConfig. One whose
            `policy_loss` is not of this module's classes is left alone.

    Raises:
        ValueError: with the key, the value and the range or remedy.
    """
    name = getattr(type(actor.policy_loss), "method_name", None)
    if name is None and isinstance(actor.policy_loss, DictConfig):
        target = actor.policy_loss.get("_target_", "")
        name = getattr(get_class(target), "method_name", None) if target else None
    if name is not None:
        method = find_method(name)
        hyper_parameters(method, parameters_of(method, actor))


def _is_fallback(key: str, actor: Any) -> bool:
    """Whether `key` is verl's single clip ratio and stands in for a bound that is null."""
    return key == "clip_ratio" and (actor["clip_ratio_low"] is None or actor["clip_ratio_high"] is None)


def loss_function(method: Method) -> Callable[..., tuple[torch.Tensor, dict[str, float]]]:
    """The policy loss of `method` with the signature verl calls."""

    def compute(
        old_log_prob: torch.Tensor,
        log_prob: torch.Tensor,
        advantages: torch.Tensor,
        response_mask: torch.Tensor,
        loss_agg_mode: str = "token-mean",
        config: ActorConfig | None = None,
        rollout_is_weights: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, float]]:
        if config is None or getattr(config.policy_loss, "method_name", None) != method.name:
            target = None if config is None else type(config.policy_loss).__name__
            raise ValueError(
                f"the loss {verl_name(method)!r} got config.policy_loss={target}; choose it through "
                f"policy_loss@actor_rollout_ref.actor.policy_loss={method.name}, which sets _target_"
            )
        parameters = parameters_of(method, config)
        count: int = config.policy_loss["token_sample"]
        if count:
            clip_range = 1 - parameters["clip_ratio_low"], 1 + parameters["clip_ratio_high"]
            append_sample(
                sample_file(), old_log_prob, log_prob, advantages, response_mask, count=count, clip_range=clip_range
            )
        return policy_loss(
            method.name,
            old_log_prob,
            log_prob,
            advantages,
            response_mask,
            loss_agg_mode=loss_agg_mode,
            rollout_is_weights=rollout_is_weights,
            **config.global_batch_info,
            **parameters,
        )

    compute.__name__ = compute.__qualname__ = f"{method.name}_policy_loss"
    return compute


def sample_file() -> Path:
    """Where this rank appends its token sample: below the run's folder, which `dgpo train` tells its workers.

    Raises:
        ValueError: this is no run of `dgpo train`.
    """
    if "DGPO_RUN_DIR" not in os.environ:
        raise ValueError("actor.policy_loss.token_sample needs a run folder: start the run with `dgpo train`")
    return Path(os.environ["DGPO_RUN_DIR"]) / "tokens" / f"rank-{os.environ.get('RANK', 0)}.npy"


def register(method: Method) -> None:
    """Register `method` with verl; again is harmless.

    Raises:
        ValueError: verl, or another plug-in, has another loss under that name.
    """
    name, function = verl_name(method), loss_function(method)
    known = POLICY_LOSS_REGISTRY.get(name)
    if known is not None and known.__module__ != __name__:
        raise ValueError(f"verl already has a policy loss {name!r}, from {known.__module__}; it is not overwritten")
    register_policy_loss(name)(function)


def register_all() -> None:
    """Register every method of `METHODS` with verl."""
    for method in METHODS.values():
        register(method)


DGPOPolicyLossConfig = config_class(METHODS["dgpo"], "DGPOPolicyLossConfig")
GRPOPolicyLossConfig = config_class(METHODS["grpo"], "GRPOPolicyLossConfig")
CISPOPolicyLossConfig = config_class(METHODS["cispo"], "CISPOPolicyLossConfig")
GPPOPolicyLossConfig = config_class(METHODS["gppo"], "GPPOPolicyLossConfig")
CEGPPOPolicyLossConfig = config_class(METHODS["ce_gppo"], "CEGPPOPolicyLossConfig")
ASPOPolicyLossConfig = config_class(METHODS["aspo"], "ASPOPolicyLossConfig")
MASPOPolicyLossConfig = config_class(METHODS["maspo"], "MASPOPolicyLossConfig")
SAPOPolicyLossConfig = config_class(METHODS["sapo"], "SAPOPolicyLossConfig")
