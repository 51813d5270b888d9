"""A stream of verdicts from all cores."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from dgpo.verifier.answer_file import Row
from dgpo.verifier.processes import Processes
from dgpo.verifier.stages import Mode, verify
from dgpo.verifier.verdict import Verdict

BATCH_ROWS = 64
BATCH_CHARS = 1 << 20


def verify_rows(
    rows: Iterable[Row], *, mode: Mode, timeout: float, processes: int | None = None
) -> Iterator[tuple[Row, Verdict]]:
    """`verify` on each row, in order. Holds as many rows as keep the processes busy, whatever the number of rows.

    ``processes`` is that of `Processes`.

    Raises concurrent.futures.process.BrokenProcessPool where a process is killed.
    """
    sent: deque[list[Row]] = deque()

    def tasks() -> Iterator[tuple[list[tuple[str, str]], Mode, float]]:
        for batch in _batches(rows):
            sent.append(batch)
            yield [(row.response, row.ground_truth) for row in batch], mode, timeout

    with Processes(processes) as pool:
        for verdicts in pool.map(_verify_pairs, tasks()):
            yield from zip(sent.popleft(), verdicts, strict=True)


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


def _verify_pairs(pairs: Sequence[tuple[str, str]], mode: Mode, timeout: float) -> list[Verdict]:
    return [verify(response, ground_truth, mode=mode, timeout=timeout) for response, ground_truth in pairs]
