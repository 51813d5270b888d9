"""A process that holds environments: `python -m dgpo.agents.host`, asked by `hosts.Host` in JSON.

One thread, so that environments which are not thread-safe may live together in it. Of the processes that an environment
forks none answers.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from dgpo.agents.environment import Episode
from dgpo.agents.settings import AgentSettings
from dgpo.errors import UserError

PR_SET_PDEATHSIG = 1


def main() -> None:
    # It ends with the agent worker, also in the middle of a step that hangs.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    connection, process = Connection(int(sys.argv[1])), os.getpid()
    os.set_inheritable(connection.fileno(), False)
    episodes: dict[int, Episode] = {}
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        try:
            answer = answer_to(request, episodes)
        except UserError as error:
            answer = {"error": str(error)}
        except Exception as error:  # an environment raises what it likes
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        if os.getpid() != process:
            os._exit(0)
        connection.send_bytes(json.dumps(answer).encode())


def answer_to(request: dict[str, Any], episodes: dict[int, Episode]) -> dict[str, Any]:
    number = request["episode"]
    match request["call"]:
        case "reset":
            episodes[number] = Episode(request["task"], AgentSettings(**request["settings"]))
            return episodes[number].reset()
        case "step":
            return episodes[number].step(request["answer"])
        case call:
            if (episode := episodes.pop(number, None)) is not None:
                episode.close()
            return {"call": call}


if __name__ == "__main__":
    main()
