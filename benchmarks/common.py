"""What the benchmarks share: their command line and page, what machine it was, times and memory."""

import argparse
import contextlib
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import psutil
from scipy import stats

from dgpo.evaluation.statistics import Interval
from dgpo.files import replace_text
from dgpo.tables import Table

RESULTS = Path(__file__).parent / "results"


def arguments_of(doc: str | None, output: Path | None = None) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring, with ``--output``, the page that is written."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=output, help="file to write (default: %(default)s)")
    return parser


def publish(output: Path | None, *tables: Table, about: str = "") -> None:
    """Print the tables, and write them to ``output`` with a line about the run above."""
    for table in tables:
        table.show()
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_text(output, (f"{about}\n\n" if about else "") + "\n".join(table.markdown() for table in tables))


def machine() -> str:
    return f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.machine()}"


def students(values: Sequence[float]) -> Interval:
    """The mean over seeds with Student's 95 % interval, without width for a single seed."""
    mean = float(np.mean(values))
    half = float(stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)) if len(values) > 1 else 0.0
    return Interval(mean, mean - half, mean + half)


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of so many calls: what a busy machine adds is left out."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def memory(processes: Iterable[psutil.Process]) -> int:
    """Bytes of memory of processes, pages that they share counted once (proportional set size)."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has ended
            continue
    return total


def tree(pid: int) -> list[psutil.Process]:
    """A process and those that it has started."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def watched(
    command: Sequence[str],
    every: float,
    processes: Callable[[int], Iterable[psutil.Process]] = tree,
    look: Callable[[float], object] = lambda seconds: None,
) -> tuple[float, int]:
    """Run a command; the seconds that it took, and the most `memory` of its ``processes``, in bytes.

    Args:
        every: seconds between two readings, which cost the command what is measured.
        look: called about once a second, with the seconds so far.
    """
    started = read = time.monotonic()
    peak, process = 0, subprocess.Popen(command)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(1.0, every))
            break
        look(time.monotonic() - started)
        if time.monotonic() - read >= every:
            read = time.monotonic()
            peak = max(peak, memory(processes(process.pid)))
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - started, peak


def peak_bytes(work: Callable[[], object]) -> int:
    """The most bytes that the work had torch's CPU allocator hold beyond what was there before.

    One thread, since the profiler sees the allocations of its own alone.
    """
    from torch.profiler import ProfilerActivity, profile

    from dgpo.studies.threads import one_thread

    with one_thread(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    held = peak = 0
    events = profiler.profiler.kineto_results.events()  # pyright: ignore[reportOptionalMemberAccess]
    for event in sorted((each for each in events if each.name() == "[memory]"), key=lambda each: each.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
