"""What a check reports."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig


@dataclass(frozen=True)
class Finding:
    """A setting that would fail later, or silently do something else than it says.

    Attributes:
        key: of the config, in full; or what else is wrong, e.g. "environment".
        value: as it is.
        message: what is wrong with it.
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
        return f"{kind}: {self.key}={self.value}: {self.message}\n       {self.remedy}"


Check = Callable[[DictConfig], Iterator[Finding]]


def report(problems: Iterable[Finding]) -> str:
    """All problems as text, fatal ones first."""
    ordered = sorted(problems, key=lambda problem: not problem.fatal)
    return "\n".join(map(str, ordered))


def cause_of(error: BaseException) -> str:
    """The message of the error that Hydra, or an import, has wrapped."""
    cause = error.__cause__ or error
    return str(cause).strip() or type(cause).__name__
