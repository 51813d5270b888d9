"""Processes that verify on all cores. They end with the process that started them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

MAX_PROCESSES = 12
NO_ROOM = "is there memory for one more, and does the limit on processes (ulimit -u) allow it?"
"""The remedy where no process can be started."""

R = TypeVar("R")


class Processes:
    """A pool of ``size`` processes, by default as many as cores, at most `MAX_PROCESSES`.

    An error in the block drops what is still to do.
    """

    def __init__(self, size: int | None = None) -> None:
        self.size = size or min(MAX_PROCESSES, os.cpu_count() or 1)
        # Not forked: a fork of a process with threads can hang.
        self._pool = ProcessPoolExecutor(self.size, mp_context=get_context("spawn"), initializer=_start)

    def map(self, function: Callable[..., R], tasks: Iterable[tuple[Any, ...]]) -> Iterator[R]:
        """`function(*task)` of each task, in order. Holds as many tasks as keep the processes busy.

        Raises concurrent.futures.process.BrokenProcessPool where a process is killed, RuntimeError where none can be
        started.
        """
        pending: deque[Future[R]] = deque()
        for task in tasks:
            try:
                pending.append(self._pool.submit(function, *task))
            except OSError as error:
                raise RuntimeError(f"no process can be started ({error.strerror}): {NO_ROOM}") from error
            if len(pending) > 2 * self.size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, and then ends this process
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
    os._exit(1)
