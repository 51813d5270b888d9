"""ALFWorld's household tasks in text, a file a game, as `alfworld-download` fetches them.

    dgpo data env --id ALFWorld-v0 --tasks 2400 --validation 128 --out data/alfworld

The reward is 1 for the task done. Needs `pip install alfworld`.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import gymnasium

from dgpo.errors import UserError, loading

ID = "ALFWorld-v0"
SUFFIX = ".tw-pddl"
PROMPT = (
    "You act in a household, which you know by what is said of it, until your task is done. Each turn, think about "
    "what to do next between <think> and </think>. Then give one of the actions that are listed, word by word, as "
    "<action>...</action>."
)
KINDS = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
UNPLAYABLE = ("movable", "Sliced")
"""In the names of folders of games that ALFWorld's own collection leaves out."""
MADE = {"isclean": "clean", "ishot": "hot", "iscool": "cool", "issliced": "sliced"}


class ALFWorld(gymnasium.Env):
    """The game in the file ``game``. The anchor is what was last seen to happen, and what is carried."""

    def __init__(self, game: str):
        if not Path(game).is_file():
            raise UserError(f"game={game}: there is no such file; write the tasks again, with `dgpo data env`")
        self._game: Any = _players.pop() if _players else _player()
        self._game.load(game)
        self._anchor, self._admissible = "", list[str]()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        state = self._game.reset()
        return state.feedback.strip(), self._facts(state, changed=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        action = action.lower()
        valid = action in self._admissible
        state, _, done = self._game.step(action)
        info = {**self._facts(state, changed=valid), "valid": valid}
        return state.feedback.strip(), float(state.won), bool(done), False, info

    def _facts(self, state: Any, *, changed: bool) -> dict[str, Any]:
        self._admissible = list(state.admissible_commands)
        if changed:  # "Nothing happens." tells nothing of where one is
            self._anchor = f"{state.feedback.strip()}\n{carried(state.facts)}"
        actions = [each for each in self._admissible if each != "help"]
        return {"success": bool(state.won), "actions": actions, "anchor": self._anchor}

    def close(self) -> None:
        if self._game is not None:
            _players.append(self._game)
        self._game = None


_players = list[Any]()
"""Players of finished games, to be used again: each holds a planner of 12 MB, which TextWorld never frees."""


def _player() -> Any:
    with loading("player of the games", f"environment {ID}", "pip install alfworld"):  # no dependency of ours
        textworld = importlib.import_module("textworld")
        alfred = importlib.import_module("alfworld.agents.environment.alfred_tw_env")
        infos = textworld.EnvInfos(admissible_commands=True, facts=True, won=True)
        return alfred.AlfredDemangler(importlib.import_module("textworld.envs").PddlEnv(infos), shuffle=False)


def carried(facts: Any) -> str:
    """What the agent carries, and how it was changed (clean, hot, ...), from the facts of a state."""
    held = {fact.arguments[-1].name for fact in facts if fact.name == "holds"}
    changes = sorted(MADE[fact.name] for fact in facts if fact.name in MADE and fact.arguments[0].name in held)
    return " ".join(["carried:", *changes, *sorted(held)]) if held else "carried: nothing"


def games() -> Path:
    """Where `alfworld-download` puts them."""
    return Path(os.environ.get("ALFWORLD_DATA") or "~/.cache/alfworld").expanduser() / "json_2.1.1"


def kind(game: Path) -> str | None:
    """What a game's task is, one of `KINDS`; None for a game that ALFWorld's own collection leaves out."""
    if any(word in folder for word in UNPLAYABLE for folder in game.parts[-3:-1]):
        return None
    try:
        task = json.loads(game.with_name("traj_data.json").read_text())["task_type"]
        solvable = json.loads(game.read_text()).get("solvable")
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{game}: no game of ALFWorld ({error!r}); alfworld-download -f fetches it again") from error
    return task if solvable and task in KINDS else None
