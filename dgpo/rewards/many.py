"""A stream of verdicts from all cores: processes that each verify with a worker of their own."""

import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from dgpo.rewards.math_answer import Mode, verify
from dgpo.rewards.pool import shared_pool
from dgpo.rewards.rows import Row
from dgpo.rewards.verdict import Verdict

MAX_PROCESSES = 12
"""Each takes about 150 MB with its worker: 12 stay below 2 GB."""
BATCH_ROWS = 64
BATCH_CHARS = 1 << 20


def verify_rows(
    rows: Iterable[Row], *, mode: Mode, timeout: float, processes: int | None = None
) -> Iterator[tuple[Row, Verdict]]:
    """`verify` on each row, in order. Holds as many rows as keep the processes busy, whatever the number of rows.

    ``processes`` is the machine's cores where it is None, at most `MAX_PROCESSES`.

    Raises concurrent.futures.process.BrokenProcessPool where a process is killed.
    """
    processes = processes or min(MAX_PROCESSES, os.cpu_count() or 1)
    # Not forked: a fork of a process with threads can hang.
    context = get_context("spawn")
    # Held by this process alone: its end tells the others that this one is done, has failed or was killed.
    theirs, ours = socket.socketpair()
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(theirs,))
    pending: deque[tuple[list[Row], Future[list[Verdict]]]] = deque()
    try:
        for batch in _batches(rows):
            pairs = [(row.response, row.ground_truth) for row in batch]
            pending.append((batch, pool.submit(_verify_pairs, pairs, mode, timeout)))
            if len(pending) > 2 * processes:
                yield from _finished(*pending.popleft())
        while pending:
            yield from _finished(*pending.popleft())
        pool.shutdown()
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _finished(batch: list[Row], future: Future[list[Verdict]]) -> Iterator[tuple[Row, Verdict]]:
    return zip(batch, future.result(), strict=True)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    chars = 0
    for row in rows:
        batch.append(row)
        chars += len(row.response)
        if len(batch) == BATCH_ROWS or chars >= BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _start(parent: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, and then ends this process
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    shared_pool().start()


def _leave_with(parent: socket.socket) -> None:
    parent.recv(1)  # nothing is ever sent: this returns at the end of the stream
    os._exit(1)


def _verify_pairs(pairs: Sequence[tuple[str, str]], mode: Mode, timeout: float) -> list[Verdict]:
    return [verify(response, ground_truth, mode=mode, timeout=timeout) for response, ground_truth in pairs]
