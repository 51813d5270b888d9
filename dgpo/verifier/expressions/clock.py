"""The processor time that a verdict may take, so that a busy machine changes none."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end: ContextVar[float] = ContextVar("end", default=float("inf"))


class OutOfTime(Exception):
    """The time is used up."""


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Let this thread spend so many seconds in the block; `check` raises OutOfTime after them."""
    token = _end.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def check() -> None:
    if time.thread_time() > _end.get():
        raise OutOfTime
