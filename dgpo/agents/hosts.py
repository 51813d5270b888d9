"""Environments in processes of their own, which may hang or die: `Hosts` gives episodes, `Host` is one process.

A call has a deadline. A process that misses it, or ends, is killed, and the episode that was asked is lost. The others
that lived in it are played again in a new process, with the same answers, and lost where that goes another way.
"""

import asyncio
import atexit
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from dgpo.agents.environment import Task
from dgpo.agents.settings import AgentSettings
from dgpo.children import Child

START_S = 60.0
"""Seconds that a process may take, beside the deadline, until it answers first: it imports Gymnasium."""


class EnvironmentLostError(Exception):
    """An episode that cannot go on; the message says of which environment, and why."""


class Host:
    """One process with episodes, asked one thing at a time, in JSON.

    One that was ended is started again when it is asked, and an episode that lived in it is first played again.

    Args:
        command: what starts it; ``dgpo.agents.host`` by default.
        options: of `subprocess.Popen`.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "dgpo.agents.host"), **options: Any) -> None:
        # What it prints is no answer.
        self._command, self._options = command, {"stdout": 2, **options}
        self._child: Child | None = None
        self._past: dict[int, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        """What each episode was asked, and has answered, by its number."""
        self._inside: set[int] = set()
        """The episodes that the process has."""

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """The answer to a request, which names its ``episode``, within so many seconds.

        Raises:
            EnvironmentLostError: it missed the deadline, it ended, the environment raised, or, played again, it went
                another way.
        """
        past = self._past.setdefault(number := request["episode"], [])
        if number not in self._inside:
            for earlier, answer in past:
                if self.call(earlier, deadline) != answer:
                    raise EnvironmentLostError(
                        "its process was ended for another environment in it, and played again it went another way"
                    )
        answer = self.call(request, deadline)
        self._inside.add(number)
        past.append((request, answer))
        return answer

    def close(self, episode: int, deadline: float) -> None:
        self._past.pop(episode, None)
        self._inside.discard(episode)
        if self._child is not None:
            self.call({"call": "close", "episode": episode}, deadline)

    def call(self, request: Any, deadline: float) -> dict[str, Any]:
        """What the process answers; errors as `ask`."""
        if self._child is None:
            self._child = Child(self._command, **self._options)
            deadline += START_S
        try:
            self._child.connection.send_bytes(json.dumps(request).encode())
            if not self._child.connection.poll(deadline):
                self.stop()
                raise EnvironmentLostError(f"no answer within {deadline:g} s, agent.deadline")
            answer = json.loads(self._child.connection.recv_bytes())
        except (OSError, EOFError):
            with contextlib.suppress(subprocess.TimeoutExpired):  # its connection is closed a moment before it ends
                self._child.process.wait(1)
            status = self.stop()
            raise EnvironmentLostError(f"its process ended with status {status}") from None
        if "error" in answer:
            raise EnvironmentLostError(answer["error"])
        return answer

    @property
    def pid(self) -> int | None:
        """Of the process that is there."""
        return None if self._child is None else self._child.process.pid

    def stop(self) -> int | None:
        """End the process and those it started; its status."""
        child, self._child, self._inside = self._child, None, set()
        return None if child is None else child.kill()


class Hosts:
    """Episodes on ``settings.hosts`` processes, from one event loop."""

    def __init__(self, settings: AgentSettings):
        self._settings = settings
        self._hosts = [Host() for _ in range(settings.hosts)]
        # A thread for each process: its calls wait for each other there, and nobody else does.
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="environments") for _ in self._hosts]
        self._numbers = itertools.count()
        atexit.register(self.close)

    def episode(self, task: Task) -> "HostedEpisode":
        number = next(self._numbers)
        place = number % len(self._hosts)
        return HostedEpisode(self._hosts[place], self._threads[place], number, task, self._settings)

    def close(self) -> None:
        for thread in self._threads:
            thread.shutdown(wait=False, cancel_futures=True)
        for host in self._hosts:
            host.stop()


class HostedEpisode:
    """`environment.Episode` in a host; `reset`, `step` and `close` as there, awaited.

    Raises:
        EnvironmentLostError: from each of its calls, `close` excepted.
    """

    def __init__(self, host: Host, thread: ThreadPoolExecutor, number: int, task: Task, settings: AgentSettings):
        self._host, self._thread, self._number = host, thread, number
        self._task, self._settings, self.name = task, settings, task["id"]
        self.seconds = 0.0
        """Of the environment, waiting for its process included."""

    async def reset(self) -> dict[str, Any]:
        return await self._ask({"call": "reset", "task": dict(self._task), "settings": asdict(self._settings)})

    async def step(self, answer: str) -> dict[str, Any]:
        return await self._ask({"call": "step", "answer": answer})

    async def close(self) -> None:
        with contextlib.suppress(EnvironmentLostError):
            await self._in_thread(self._host.close, self._number)

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        try:
            return await self._in_thread(self._host.ask, {**request, "episode": self._number})
        except EnvironmentLostError as error:
            raise EnvironmentLostError(f"environment {self.name}, {request['call']}: {error}") from None
        finally:
            self.seconds += time.monotonic() - began

    async def _in_thread(self, call: Callable[[Any, float], Any], what: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, what, self._settings.deadline)
