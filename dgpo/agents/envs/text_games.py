"""Games of TextWorld, a file a game: what `textworld` plays, made by `tw-make` for one.

    dgpo data env --id TextWorld-v0 --games FOLDER --out data/textworld

A reward is the share of the game's points that a command earns. Needs `pip install textworld`.
"""

import importlib
import re
from typing import Any

import gymnasium

from dgpo.errors import loading

SUFFIXES = (".z8", ".ulx")
# What the interpreter prints for its status line.
STATUS_LINE = re.compile(r"\n+>[^\n]*$")


class TextWorld(gymnasium.Env):
    """The game in the file ``game``. The anchor is the room and what is carried."""

    def __init__(self, game: str):
        with loading("module of the game", f"game={game}", "pip install textworld"):
            textworld = importlib.import_module("textworld")  # no dependency of ours
        names = ("feedback", "objective", "description", "inventory", "admissible_commands", "won", "max_score")
        self._game: Any = textworld.start(game, textworld.EnvInfos(**dict.fromkeys(names, True)))
        self._score, self._admissible = 0, list[str]()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        state = self._game.reset()
        self._score = 0
        return f"{state.objective.strip()}\n{state.description.strip()}", self._facts(state)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        valid = action in self._admissible
        state, score, done = self._game.step(action)
        reward = (score - self._score) / max(1, state.max_score)
        self._score = score
        text = STATUS_LINE.sub("", state.feedback).strip()
        return text or "Nothing happens.", reward, bool(done), False, {**self._facts(state), "valid": valid}

    def _facts(self, state: Any) -> dict[str, Any]:
        self._admissible = list(state.admissible_commands)
        anchor = f"{state.description.strip()}\n{state.inventory.strip()}"
        return {"success": bool(state.won), "actions": self._admissible, "anchor": anchor}

    def close(self) -> None:
        self._game.close()
