"""Progress of long work: a bar in a terminal, a line now and then in a log."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dgpo.errors import UserError

LOG_EVERY_S = 30.0
SPEED_OVER_S = 1800.0
"""Long responses finish in waves: the time left is guessed from half an hour of them."""


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def seconds_of(key: str, value: object) -> float:
    """Seconds of a duration above 0 that `key` has: 90, "45s", "30m", "12h", "2d", "11:30:00"; else UserError."""
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    text = str(value).strip()
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text):
        seconds = float(found[1]) * units[found[2]]
    elif found := re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", text):
        seconds = 3600.0 * int(found[1]) + 60 * int(found[2]) + int(found[3])
    else:
        seconds = 0.0
    if not seconds:
        raise UserError(f'{key}={value}: it is no duration above 0; write seconds, or such as 30m, 12h or "11:30:00"')
    return seconds


def say(text: str) -> None:
    """A line for the person, on standard error: standard output is for what a command was asked for."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def interruptible(outcome: str) -> Iterator[None]:
    """Have Ctrl-C, or the SIGTERM of a cluster's time limit, end the command with `outcome` and status 130."""

    def interrupt(number: int, _: Any) -> NoReturn:
        raise KeyboardInterrupt(signal.Signals(number).name)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say(f"interrupted; {outcome}")
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


class ProgressBar:
    """Counts pieces of work, of `total` where it is known, and another quantity with its rate (tokens, say)."""

    def __init__(self, name: str, total: int | None, done: int = 0, rate_of: str = ""):
        self._name, self._total, self._done, self._first = name, total, done, done
        self._rate_of, self._amount = rate_of, 0
        self._started = self._logged = time.monotonic()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            speed_estimate_period=SPEED_OVER_S,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, completed=done, rate="")
        self._is_log = not console.is_terminal

    def advance(self, pieces: int, amount: int = 0) -> None:
        """Count `pieces` more, and `amount` of what the rate is of. Call it also when nothing has happened."""
        self._done += pieces
        self._amount += amount
        now = time.monotonic()
        elapsed = max(now - self._started, 1e-9)
        rate = f"{self._amount / elapsed:,.0f} {self._rate_of}/s" if self._rate_of else ""
        self._bar.update(self._task, completed=self._done, rate=rate)
        if self._is_log and now - self._logged > LOG_EVERY_S:
            self._logged = now
            new = self._done - self._first
            left = f", {duration((self._total - self._done) * elapsed / new)} left" if new and self._total else ""
            of = f"/{self._total}" if self._total else ""
            say(f"{self._name}: {self._done}{of} {rate}{left}")

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
