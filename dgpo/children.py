"""Child processes that may hang or die: each in a group of its own, with a connection to its parent."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from multiprocessing import Pipe
from typing import Any


class Child:
    """A process; Ctrl-C is for its parent alone.

    Args:
        command: what starts it, after which it is told the descriptor of its end of the connection.
        options: of `subprocess.Popen`.

    Attributes:
        connection: a `multiprocessing.connection.Connection`; it ends with the process.
    """

    def __init__(self, command: Sequence[str], **options: Any):
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
                **options,
            )

    def kill(self) -> int:
        """End it and the processes it has started; its status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.connection.close()
        return self.process.wait()
