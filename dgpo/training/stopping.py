"""Ends a run before its last step, with a checkpoint: on a signal, at its time limit, or on request.

The driver gets the signals, the trainer's process has the weights. They communicate by the file ``stop`` in the run's
folder: if it exists, the run saves the current step and ends. Its content is the reason.
"""

import contextlib
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from dgpo.runs.checkpoints import inspect

# Sent by a scheduler before it kills, by a terminal on Ctrl-C, and by a terminal that is closed.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# The reason where the file is empty.
ASKED = "the file stop in its folder"


class Interrupted(KeyboardInterrupt):
    """A signal ends the command."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that a shell reports for a process ended by ``number``."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"interrupted ({signal.Signals(self.number).name})"


def interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call ``handler`` for `SIGNALS`: for SIGINT even if a shell started this in the background and ignores it, but not
    for SIGHUP under nohup."""
    heeded = [each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in heeded}
    try:
        yield
    finally:
        for number, original in before.items():
            signal.signal(number, original)


@contextlib.contextmanager
def saving_first(
    stop: Path, grace: float, say: Callable[[str], None], may: Callable[[], bool]
) -> Iterator[Callable[[], object]]:
    """Let the first signal end the run after the current step, if that takes at most ``grace`` seconds.

    Yields a function that installs the handlers again: ``ray.init`` replaces that of SIGTERM by one that aborts.

    Args:
        stop, say: the file that makes the trainer stop, and what shows a line to the person.
        may: whether there is anything to save. If not, or at the second signal, the run ends at once.

    Raises:
        Interrupted: a signal came, and the run has ended, or did not end in time.
    """
    first: list[int] = []
    main = threading.get_ident()

    def expired() -> None:
        say(f"the step did not end within run.grace_s={grace:g}: nothing is saved")
        signal.pthread_kill(main, first[0])

    timer = threading.Timer(grace, expired)
    timer.daemon = True

    def heed(number: int, frame: FrameType | None) -> None:
        first.append(number)
        if len(first) > 1 or not may():
            raise Interrupted(first[0])
        say(f"{signal.Signals(number).name}: saving after this step, for up to {grace:g} s; once more ends it at once")
        stop.touch()
        timer.start()

    try:
        with handled(heed):
            yield lambda: [signal.signal(each, heed) for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN]
    except (Exception, KeyboardInterrupt) as error:
        # A signal to all processes of the run also ends the trainer, and one while Ray waits is a bare interrupt there.
        if first:
            raise Interrupted(first[0]) from error
        raise
    finally:
        timer.cancel()
    if first:
        raise Interrupted(first[0])


def stop_in_time(trainer: Any) -> None:
    """Make verl's ``trainer``, in any mode, end after a step on request, or if another step as long as the longest so
    far would exceed the time limit.

    ``on_step_end`` of verl's trainers runs in every mode once the weights are updated and saved, and before they go to
    vLLM, which leaves no room to save them.
    """
    stop = Path(os.environ["DGPO_RUN_DIR"]) / "stop"
    deadline = float(os.environ.get("DGPO_DEADLINE") or "inf")
    on_step_begin, on_step_end = trainer.on_step_begin, trainer.on_step_end
    marks: list[float] = []

    def timed_step_begin() -> None:
        if not marks:
            marks.append(time.time())
        on_step_begin()

    def stopping_step_end() -> None:
        marks.append(time.time())
        longest = max(after - before for before, after in itertools.pairwise(marks))
        if not stop.exists() and marks[-1] + longest > deadline:
            stop.write_text(f"run.time_limit={trainer.config.run.time_limit}")
        if stop.exists():
            folder = Path(trainer.config.trainer.default_local_dir) / f"global_step_{trainer.global_steps}"
            if not inspect(folder).complete:
                trainer._save_checkpoint()
            # The loop of verl's `fit` ends when this is reached.
            trainer.total_training_steps = trainer.global_steps
        on_step_end()

    trainer.on_step_begin, trainer.on_step_end = timed_step_begin, stopping_step_end


def reason(stop: Path) -> str | None:
    """Why the run ended before its last step, from the file ``stop``, which is removed; None if it did not."""
    if not stop.exists():
        return None
    text = stop.read_text().strip() or ASKED
    stop.unlink()
    return text


def tell(error: KeyboardInterrupt, what: str) -> int:
    """Print that a signal has ended the command, and ``what`` it means for the run; returns the exit status."""
    ended = error if isinstance(error, Interrupted) else Interrupted(signal.SIGINT)
    print(f"{ended}; {what}", file=sys.stderr)
    return ended.status
