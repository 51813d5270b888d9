"""A process that holds environments: `python -m dgpo.agents.host`, asked by `hosts.Host` a line of JSON at a time.

One thread, so that environments which are not thread-safe may live together in it. What an environment prints goes to
the standard error; it reads nothing, and of the processes that it forks none answers.
"""

import ctypes
import json
import os
import signal
import traceback
from typing import Any

from dgpo.agents.environment import Episode
from dgpo.agents.settings import AgentSettings
from dgpo.errors import UserError

PR_SET_PDEATHSIG = 1


def main() -> None:
    # It ends with the agent worker, also in the middle of a step that hangs.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The descriptors themselves, for what libraries in C and processes that an environment starts read and print.
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    process = os.getpid()
    episodes: dict[int, Episode] = {}
    for line in requests:
        try:
            answer = answer_to(json.loads(line), episodes)
        except UserError as error:
            answer = {"error": str(error)}
        except Exception as error:  # an environment raises what it likes
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        if os.getpid() != process:
            os._exit(0)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


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
