"""The kind of each option: what verl's dataclasses and ours declare, and elsewhere the kind of the value it has there.

A section is a dataclass where its ``_target_`` names one, or where the section above declares it as one. Sections
without one (``data``, ``trainer``, ``run``) have verl's composed config and configs/rlvr.yaml as their declaration.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from hydra.utils import get_class
from omegaconf import OmegaConf

from dgpo.config.compose import config_dir

# Where a declaration says less than verl: null, or another kind too. The keys that only the groups of configs/ set,
# and those that verl reads and nowhere declares, are here as well.
ALSO: dict[str, Any] = {
    "data.train_files": str | list[str],
    "data.val_files": str | list[str],
    "trainer.logger": str | list[str],
    "data.seed": int | None,
    "data.gen_batch_size": int | None,
    "data.val_batch_size": int | None,
    "trainer.total_training_steps": int | None,
    "trainer.max_actor_ckpt_to_keep": int | None,
    "trainer.max_critic_ckpt_to_keep": int | None,
    "trainer.validation_data_dir": str | None,
    "trainer.checkpoint_callback_class": str | None,
    "trainer.v1.colocate_async.num_warmup_batches": float,
    "trainer.v1.separate_async.num_warmup_batches": float,
    "trainer.v1.sampler.max_off_policy_threshold": int | None,
    "algorithm.rollout_correction.rollout_is_threshold": str | float,
    "algorithm.rollout_correction.rollout_rs_threshold": str | float | None,
    "actor_rollout_ref.ref.log_prob_micro_batch_size": int | None,
    "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": int | None,
    "actor_rollout_ref.model.external_lib": str | list[str] | None,
    "actor_rollout_ref.model.target_modules": str | list[str] | None,
    "actor_rollout_ref.model.exclude_modules": str | list[str] | None,
    "actor_rollout_ref.actor.fsdp_config.mixed_precision": dict[str, str] | None,
    "actor_rollout_ref.ref.fsdp_config.mixed_precision": dict[str, str] | None,
    "algorithm.filter_groups": dict,
    "algorithm.rollout_correction": dict,
    "model_engine": str,
    "paper": dict,
    "data.cache_dir": str,
    "data.filter_prompts": bool,
    "data.need_tools_kwargs": bool,
    "reward.reward_kwargs": dict | None,
    "reward.timeout": float,
    "trainer.remove_previous_ckpt_in_save": bool,
    "trainer.wandb_proxy": str,
    "rollouts": dict | None,
    "advantage": dict | None,
    "agent": dict | None,
    "credit": dict | None,
    "actor_rollout_ref.model.override_config.attn_implementation": str,
    "global_profiler.steps": list[int] | None,
    "reward.custom_reward_function.path": str | None,
    "run.gpu_memory_gib": float | None,
    "run.time_limit": str | float | None,
    "run.grace_s": float,
    "run.worker_niceness": int | None,
    "ray_kwargs.ray_init.num_cpus": int | None,
    "ray_kwargs.ray_init.num_gpus": int | None,
    "ray_kwargs.ray_init.object_store_memory": int | None,
    "ray_kwargs.ray_init.include_dashboard": bool | None,
    "ray_kwargs.ray_init.dashboard_port": int | None,
    "ray_kwargs.ray_init.dashboard_host": str | None,
    "ray_kwargs.ray_init.address": str | None,
    "ray_kwargs.ray_init.runtime_env.env_vars": dict[str, str],
}
_hints = functools.cache(typing.get_type_hints)
NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "a text", dict: "a section", list: "a list"}


@dataclass(frozen=True)
class Kind:
    """What an option takes.

    Attributes:
        types: of ``bool``, ``int``, ``float`` (an integer too), ``str``, ``list`` and ``dict``; empty for anything.
        null: whether null is a value.
        items: of a list; None for anything.
        length: of a list; None for any.
    """

    types: tuple[type, ...] = ()
    null: bool = True
    items: "Kind | None" = None
    length: int | None = None

    def takes(self, value: Any) -> bool:
        """Whether ``value`` is of this kind, down to its items."""
        if value is None:
            return self.null
        if not self.types:
            return True
        if not any(_is(value, each) for each in self.types):
            return False
        if not isinstance(value, list):
            return True
        return self.length in (None, len(value)) and (self.items is None or all(map(self.items.takes, value)))

    def __str__(self) -> str:
        words = [NAMES[each] for each in self.types]
        if self.items and self.items.types:
            words[-1] += {int: " of integers", float: " of numbers", str: " of texts"}.get(self.items.types[0], "")
        if self.length is not None:
            words[-1] = words[-1].replace("a list of", f"a list of {self.length}")
        return " or ".join(words + ["null"] * self.null)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def declared(annotation: Any) -> Kind:
    """The kind that a type annotation means."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        kinds = [declared(part) for part in parts if part is not type(None)]
        if not all(kind.types for kind in kinds):
            return Kind()
        items = next((kind.items for kind in kinds if kind.items), None)
        return Kind(tuple(each for kind in kinds for each in kind.types), type(None) in parts, items)
    if annotation in (bool, int, float, str):
        return Kind((annotation,), False)
    if annotation in (list, tuple) or origin in (list, tuple):
        length = len(parts) if origin is tuple and ... not in parts else None
        return Kind((list,), False, declared(parts[0]) if parts else None, length)
    if annotation is dict or origin is dict or dataclasses.is_dataclass(annotation):
        return Kind((dict,), False)
    return Kind()


def like(value: Any) -> Kind:
    """The kind of a value that stands in for its declaration."""
    if value is None:
        return Kind()
    if isinstance(value, list):
        return Kind((list,), False, like(value[0]) if value else None)
    return Kind((dict if isinstance(value, Mapping) else type(value),), False)


@functools.cache
def defaults() -> dict[str, Any]:
    """verl's own composed config with configs/rlvr.yaml over it, resolved."""
    import verl.trainer.config

    composed = Path(verl.trainer.config.__path__[0]) / "_generated_ppo_trainer.yaml"
    ours = OmegaConf.load(config_dir() / "rlvr.yaml")
    merged = OmegaConf.merge(OmegaConf.load(composed), ours, {"defaults": None, "run": {"name": "x"}})
    options = typing.cast(dict[str, Any], OmegaConf.to_container(merged, resolve=True))
    del options["defaults"]
    return options


def members(section: Mapping[str, Any], above: Any) -> Mapping[str, Any]:
    """The annotations of the options in ``section``, by name; empty where nothing declares them.

    Args:
        above: the annotation of the section itself.
    """
    try:
        annotation = get_class(section["_target_"]) if section.get("_target_") else above
    except Exception:  # `registries` says of a class of one's own why it cannot be imported
        return {}
    for each in (annotation, *typing.get_args(annotation)):
        if dataclasses.is_dataclass(each):
            return _hints(each)
    for each in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(each) is dict and typing.get_args(each)[1] is not Any:
            return dict.fromkeys(section, typing.get_args(each)[1])
    return {}
