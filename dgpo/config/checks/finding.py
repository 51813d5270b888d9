"""What a check reports."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from dgpo.errors import UserError
from dgpo.files import flatten


@dataclass(frozen=True)
class Finding:
    """A setting that would fail later, or silently do something else than it says.

    Attributes:
        key: of the config, in full; or what else is wrong, e.g. "environment".
        message: what is wrong with its value.
        remedy: what to do.
        fatal: False for what may be meant.
    """

    key: str
    value: Any
    message: str
    remedy: str
    fatal: bool = True

    def __str__(self) -> str:
        kind = "error" if self.fatal else "warning"
        place = self.key if isinstance(self.value, dict | DictConfig) else f"{self.key}={self.value}"
        return f"{kind}: {place}: {self.message}\n       {self.remedy}"


def finding(config: DictConfig, key: str, message: str, remedy: str, *, fatal: bool = True) -> Finding:
    """A finding about the value at ``key`` of the config."""
    return Finding(key, OmegaConf.select(config, key), message, remedy, fatal)


def refusal(config: DictConfig, key: str, error: Exception, remedy: str) -> Finding:
    """A finding of the option whose name and ``=`` begin the error's message, in the section at ``key`` or from
    ``actor`` on; of the section where it begins otherwise."""
    name, options = cause_of(error).partition("=")[0], flatten(cast(dict, OmegaConf.to_container(config)))
    places = (f"{key}.{name}", f"actor_rollout_ref.{name}")
    return finding(config, next(filter(options.__contains__, places), key), cause_of(error), remedy)


def finding_from_error(error: UserError) -> Finding:
    """A finding of what an error says: ``key=value: what is wrong; remedy``."""
    place, _, problem = str(error).partition(": ")
    (key, _, value), (message, _, remedy) = place.partition("="), problem.partition("; ")
    return Finding(key, value, message, remedy)


def report(problems: Iterable[Finding]) -> str:
    """All problems as text, fatal ones first."""
    ordered = sorted(problems, key=lambda problem: not problem.fatal)
    return "\n".join(map(str, ordered))


def cause_of(error: BaseException) -> str:
    """The message of the error that Hydra, or an import, has wrapped."""
    cause = error.__cause__ or error
    return str(cause).strip() or type(cause).__name__
