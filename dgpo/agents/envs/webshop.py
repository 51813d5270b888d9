"""WebShop: buy what an instruction describes, a goal a task. Plays the `web_agent_site` of a checkout of it.

    PYTHONPATH=WebShop dgpo data env --id WebShop-v0 --tasks 2400 --validation 128 --out data/webshop

The first 500 goals are the test, as in WebShop's own split.
"""

import importlib
import itertools
import json
import random
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import gymnasium

from dgpo.errors import loading

ID = "WebShop-v0"
PROMPT = (
    "You are in a web shop, which you know by the text of its pages, and buy what the instruction describes. Each "
    "turn, think about what to do next between <think> and </think>. Then give one of the actions that are listed, "
    "with your own words in search[...], as <action>...</action>."
)
TEST_GOALS = 500
SEED = 233
"""WebShop draws prices, and the prices that goals may cost, while it loads. All processes must have the same goals."""
ACTION = re.compile(r"(search|click)\[(.+)\]")
_sessions = itertools.count()


class WebShop(gymnasium.Env):
    """Goal number ``goal``; the anchor is the page and the chosen options.

    Args:
        partial: the reward is WebShop's score of what is bought, instead of 1 where it is all that was asked for.
        options: WebShop's own, such as ``num_products``.
    """

    def __init__(self, goal: int, partial: bool = False, **options: Any):
        self._goal, self._partial = goal, partial
        self._server = server(json.dumps(options, sort_keys=True))
        # Rollouts of one goal live in one process: each has a session by its own name.
        self._shop = _shop(options, server=self._server, session_prefix=f"{next(_sessions)}-")
        self._server.user_sessions.pop(self._shop.session, None)
        self._session, self._page = "", ("", dict[str, Any]())

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        text, _ = self._shop.reset(session=self._goal)
        self._session = self._shop.session
        self._page = (text, self._facts(text))
        return self._page

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        action = action.strip().lower()
        if not self._offered(action):
            text, info = self._page
            return text, 0.0, False, False, {**info, "valid": False}
        text, score, done, _ = self._shop.step(action)
        won = bool(done) and score == 1
        # A page after the last one may be another session's.
        info = {"success": won, "anchor": text} if done else self._facts(text)
        self._page = (text, info)
        return text, float(score) if self._partial else float(won), bool(done), False, {**info, "valid": True}

    def _offered(self, action: str) -> bool:
        match, offered = ACTION.fullmatch(action), self._shop.get_available_actions()
        if match is None:
            return False
        return bool(offered["has_search_bar"]) if match[1] == "search" else match[2] in _clickable(offered)

    def _facts(self, text: str) -> dict[str, Any]:
        offered = self._shop.get_available_actions()
        search = ["search[words]"] if offered["has_search_bar"] else []
        chosen = self._server.user_sessions[self._session].get("options") or {}
        words = ", ".join(f"{name}: {value}" for name, value in sorted(chosen.items()))
        actions = [*search, *(f"click[{each}]" for each in _clickable(offered))]
        return {"success": False, "actions": actions, "anchor": f"{text}\nchosen: {words or 'nothing'}"}

    def close(self) -> None:
        for session in (self._session, self._shop.session):
            self._server.user_sessions.pop(session, None)


def _clickable(offered: Mapping[str, Any]) -> list[str]:
    return [each for each in offered["clickables"] if each != "search"]


@cache
def server(options: str) -> Any:
    """Products, goals and index, loaded once in a process, by WebShop's options in JSON."""
    _site()
    random.seed(SEED)
    return _shop(json.loads(options)).server


def _shop(options: Mapping[str, Any], **more: Any) -> Any:
    return _site().WebAgentTextEnv(**{"observation_mode": "text", "seed": SEED, **options, **more})


def _site() -> Any:
    remedy = "put a checkout of WebShop on PYTHONPATH, its requirements installed (docs/agents.md)"
    with loading("shop", f"environment {ID}", remedy):
        return importlib.import_module("web_agent_site.envs.web_agent_text_env")


def goals(options: Mapping[str, Any]) -> tuple[range, range]:
    """Numbers of the goals to train on, and of the test's."""
    count = len(server(json.dumps(options, sort_keys=True)).goals)
    return range(TEST_GOALS, count), range(min(TEST_GOALS, count))
