"""A long run of mixed calls, one in a hundred hostile: does memory grow, do times drift, is any verdict wrong?

    python -m benchmarks.verifier_soak --calls 100000 --output benchmarks/results/verifier_soak.md

As many threads call `verify` as there are workers, so that none waits for one. Every call is different, so that no
cache helps. After each window the process and its answer-checking processes are measured.
"""

import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.common import arguments_of, publish
from dgpo.tables import Table
from dgpo.verifier import Verdict, verify
from dgpo.verifier.symbolic.pool import shared_pool

HOSTILE_EVERY = 100
SECONDS, HOSTILE_SECONDS = 10.0, 0.25
"""Timeouts: of a fair call, which a busy machine must not turn wrong, and of a hostile one."""
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Call:
    response: str
    gold: str
    right: bool
    is_hostile: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Calls in a row. Times in seconds, memory in bytes; p50 and p99 are of the fair calls."""

    calls: int
    elapsed: float
    p50: float
    p99: float
    overshoot: float
    wrong: int
    caller: int
    workers: int
    kills: int


def make_call(number: int) -> Call:
    """The call of this number: of 100, 1 hostile, 1 symbolic, 1 by value, 12 structured, 25 numeric, 60 by string."""
    place, n, right = number % HOSTILE_EVERY, number + 2, number % 3 > 0
    text = "Some steps of reasoning, with $x$ and \\{braces\\}. " * (number % 40)
    off = 0 if right else 1
    if place == 0:
        return Call(text + hostile(number), str(n), False, is_hostile=True)
    if place == 1:
        answer, gold = rf"{n}f(x)+{n + off}", f"{n}(f(x)+1)"
    elif place == 2:
        answer, gold = rf"\sqrt{{{n}}}(x+{n + off})", rf"x\sqrt{{{n}}} + {n}\sqrt{{{n}}}"
    elif place <= 14:
        answer, gold = f"({n + off}, \\frac{{{n}}}{{2}})", f"({n}, {n / 2})"
    elif place <= 39:
        answer, gold = rf"\frac{{{2 * (n + off)}}}{{2}}", str(n)
    else:
        answer, gold = str(n + off), str(n)
    return Call(rf"{text}So the answer is $\boxed{{{answer}}}$.", gold, right)


def hostile(number: int) -> str:
    """Work without end, memory without end, text without end, code; in turn."""
    kinds = (
        rf"\boxed{{\sum_{{k=1}}^{{\infty}} \frac{{\sin(k)}}{{k^3+k+{number}}}}}",
        rf"\boxed{{\int_0^1 \sin(\cos(\tan(x^x+{number}))) dx}}",
        rf"\boxed{{\binom{{9000}}{{4500}}^{{{number % 900 + 99}}}}}",
        "\\boxed{" * 20_000 + str(number),
        f"\\boxed{{{'7' * 100_000}{number}}}",
        f"\\boxed{{__import__('os').system('touch canary') + {number}}}",
    )
    return kinds[number // HOSTILE_EVERY % len(kinds)]


def rss(pid: int) -> int:
    """Resident bytes of a process, 0 if it is gone."""
    try:
        return PAGE * int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0


def soak(calls: int, windows: int) -> list[Window]:
    """Run ``calls`` calls in ``windows`` windows of the same size."""
    pool = shared_pool()
    pool.start()
    measured = []
    numbers = itertools.count()
    console = Console(stderr=True)
    with ThreadPoolExecutor(pool.size) as threads:
        for _ in track(range(windows), "soak", console=console, disable=not console.is_terminal):
            batch = [make_call(next(numbers)) for _ in range(calls // windows)]
            kills, started = pool.kills, time.monotonic()
            verdicts = list(threads.map(_verify, batch))
            elapsed = time.monotonic() - started
            fair = [v.seconds for call, v in zip(batch, verdicts, strict=True) if not call.is_hostile]
            hostile_seconds = [v.seconds for call, v in zip(batch, verdicts, strict=True) if call.is_hostile]
            measured.append(
                Window(
                    calls=len(batch),
                    elapsed=elapsed,
                    p50=float(np.quantile(fair, 0.5)),
                    p99=float(np.quantile(fair, 0.99)),
                    overshoot=max(hostile_seconds) - HOSTILE_SECONDS,
                    wrong=sum(bool(v) != call.right for call, v in zip(batch, verdicts, strict=True)),
                    caller=rss(os.getpid()),
                    workers=sum(map(rss, pool.pids())),
                    kills=pool.kills - kills,
                )
            )
    return measured


def _verify(call: Call) -> Verdict:
    return verify(call.response, call.gold, timeout=HOSTILE_SECONDS if call.is_hostile else SECONDS)


def table(measured: Sequence[Window]) -> Table:
    """A row a window, and what it comes to."""
    rows = [
        (
            str(number),
            f"{window.calls / window.elapsed:.0f}",
            f"{1e3 * window.p50:.2f}",
            f"{1e3 * window.p99:.1f}",
            f"{1e3 * window.overshoot:.0f}",
            str(window.wrong),
            f"{window.caller / 1e6:.0f}",
            f"{window.workers / 1e6:.0f}",
            str(window.kills),
        )
        for number, window in enumerate(measured, start=1)
    ]
    first, last = measured[len(measured) // 4], measured[-1]
    calls = sum(window.calls for window in measured)
    wrong, kills = sum(window.wrong for window in measured), sum(window.kills for window in measured)
    note = (
        f"{calls:,} calls from {shared_pool().size} threads in {sum(window.elapsed for window in measured):.0f} s, "
        f"{calls // HOSTILE_EVERY:,} of them hostile with a timeout of {HOSTILE_SECONDS} s; {wrong} wrong verdicts, "
        f"{kills} workers killed. From window {len(measured) // 4 + 1} to the last the caller grew by "
        f"{(last.caller - first.caller) / 1e6:+.1f} MB, and p50 changed from {1e3 * first.p50:.2f} to "
        f"{1e3 * last.p50:.2f} ms. Workers: fork server and idle workers, pages shared between them counted for each. "
        "The machine had other work."
    )
    head = ("window", "calls/s", "p50 ms", "p99 ms", "longest hostile call over its timeout, ms", "wrong")
    return Table((*head, "caller MB", "workers MB", "kills"), rows, notes=[note])


def main(argv: Sequence[str] | None = None) -> int:
    parser = arguments_of(__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--windows", type=int, default=20)
    arguments = parser.parse_args(argv)
    if arguments.windows < 4 or arguments.calls < HOSTILE_EVERY * arguments.windows:
        parser.error(f"--calls={arguments.calls} --windows={arguments.windows}: 4 windows and 100 calls each at least")
    measured = soak(arguments.calls, arguments.windows)
    publish(arguments.output, table(measured))
    return 1 if any(window.wrong for window in measured) else 0


if __name__ == "__main__":
    raise SystemExit(main())
