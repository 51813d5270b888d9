"""What processes print, in a file instead of the terminal.

verl, vLLM and Ray print thousands of lines, from C++ too, so the redirection is of file descriptors.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def captured_output(log: Path) -> Iterator[TextIO]:
    """Send standard output and error, of this process and those it starts, to the end of ``log``.

    Yields a stream to what standard output was.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    # Not passed on to children: a reader of our output would wait for the last of them to end.
    terminal = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace")
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, original in enumerate(saved, start=1):
            os.dup2(original, number)
            os.close(original)
        os.close(target)
        terminal.close()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of ``log``, of its last 64,000 bytes."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 64_000))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
