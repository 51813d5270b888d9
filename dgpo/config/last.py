"""The config of a run's last launch, and what another one changes in it."""

from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from dgpo.config.compose import places
from dgpo.errors import UserError, one_line
from dgpo.runs.folder import RunFolder

PATHS = ("model.path", "model.reference", "actor_rollout_ref.model.path", "data.train_files", "data.val_files")
_ABSENT = "(absent)"


def last_config(folder: RunFolder) -> DictConfig | None:
    """The config of the last launch in a folder; None where there is none. UserError where it cannot be read."""
    if not folder.config.is_file():
        return None
    try:
        content = OmegaConf.load(folder.config)
        if not content or not isinstance(content, DictConfig):
            raise ValueError("it holds no config")
    except (OSError, ValueError, YAMLError) as error:
        message = f"run.dir={folder.path}: {folder.config} cannot be read: {one_line(error)}"
        raise UserError(f"{message}; restore it, or choose another run.dir") from error
    return content


def changes(before: DictConfig, now: DictConfig, keys: Iterable[str]) -> Iterator[tuple[str, Any, Any]]:
    """Key, old and new value of each of the keys whose value is another one. What ``before`` does not have is of an
    older version, and has not changed."""
    for key in keys:
        old, new = (OmegaConf.select(each, key, default=_ABSENT) for each in (before, now))
        if isinstance(old, DictConfig) and isinstance(new, DictConfig) and old.keys() == new.keys():
            yield from changes(before, now, [f"{key}.{name}" for name in old])
        elif old != _ABSENT and not _is_same(key, old, new):
            yield key, old, None if new == _ABSENT else new


def _is_same(key: str, old: Any, new: Any) -> bool:
    """Whether two values are one: equal, a file by another path, or a module of this package by its older name."""
    if key in PATHS:
        return places(old) == places(new)
    return old == new or all(str(each).startswith("pkg://dgpo.") for each in (old, new))
