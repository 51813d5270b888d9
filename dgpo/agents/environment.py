"""Text environments by their id, and one episode of one as a model meets it."""

import json
import math
import re
from typing import Any, SupportsFloat, TypedDict

import gymnasium

from dgpo.agents.envs import frozen_lake
from dgpo.agents.settings import AgentSettings
from dgpo.agents.words import SpacesInWords, Step
from dgpo.errors import loading

IN_WORDS = {frozen_lake.ID: frozen_lake.LakeInWords}
"""Wrappers for environments that need better words than `SpacesInWords` has."""
REMEDY = (
    "an id is one of gymnasium.envs.registry, or module:id where a module that Python finds (PYTHONPATH) registers it; "
    "kwargs has its options"
)


class Task(TypedDict):
    """One start of an environment, as a prompt file has it in ``extra_info.env``.

    ``kwargs`` is JSON, of options for `gymnasium.make`: a parquet column has one type, and options have many.
    """

    id: str
    kwargs: str
    seed: int


def make(task: Task) -> gymnasium.Env:
    """The environment of a task: text in, text out.

    Raises:
        UserError: there is no such id, its options are refused, or a space cannot be said in words.
    """
    name = task["id"]
    with loading("environment", f"id={name}", REMEDY):
        env = gymnasium.make(name, disable_env_checker=True, **json.loads(task["kwargs"]))
    inner = env.unwrapped
    spaces = (getattr(inner, "observation_space", None), getattr(inner, "action_space", None))
    if any(space is not None and not isinstance(space, gymnasium.spaces.Text) for space in spaces):
        env = IN_WORDS.get(env.spec.id if env.spec else "", SpacesInWords)(env)
    return env


class Episode:
    """One episode of a task, of at most ``max_turns`` turns; each method returns plain JSON.

    An environment's ``info`` may hold ``success``, ``valid``, ``actions`` (admissible ones) and ``anchor`` (the state
    in words, where the observation says more or less than it).
    """

    def __init__(self, task: Task, settings: AgentSettings):
        self._env, self._settings, self._seed = make(task), settings, task["seed"]
        self._observation, self._info = "", dict[str, Any]()
        self._past: list[tuple[str, str]] = []
        """Observation and action of each turn."""
        self._reward = 0.0
        self._success: bool | None = None

    def reset(self) -> dict[str, Any]:
        """Start the episode: its ``text``, ``anchor``, and ``success``, None until the environment says it."""
        self._observation, self._info = checked_reset(self._env.reset(seed=self._seed))
        return self._facts()

    def step(self, answer: str) -> dict[str, Any]:
        """Take a turn: the same, and ``reward``, ``valid``, ``terminated``, and ``done``: terminated or cut off.

        The action is what stands in the last ``<action_tag>``. An answer without one never reaches the environment, and
        costs ``invalid_penalty``; so does an action that the environment calls not ``valid``, and one without
        ``</think_tag>`` where thoughts are asked for, which is still taken.
        """
        tag, think = self._settings.action_tag, self._settings.think_tag
        actions = re.findall(rf"<{tag}>(.*?)</{tag}>", answer, re.DOTALL) if tag else [answer]
        action = actions[-1].strip() if actions else ""
        self._past.append((self._observation, action))
        reward, terminated, truncated, valid = 0.0, False, False, False
        if action:
            self._observation, reward, terminated, truncated, self._info = checked_step(self._env.step(action))
            valid = self._info.get("valid", True) and (think is None or f"</{think}>" in answer)
        self._reward += reward
        facts = self._facts()
        if self._settings.success == "reward":
            facts["success"] = self._reward > 0
        return {
            **facts,
            "reward": reward - self._settings.invalid_penalty * (not valid),
            "valid": valid,
            "terminated": terminated,
            "done": terminated or truncated or len(self._past) >= self._settings.max_turns,
        }

    def _facts(self) -> dict[str, Any]:
        self._success = self._info.get("success", self._success)
        return {"text": self._text(), "anchor": self._info.get("anchor", self._observation), "success": self._success}

    def _text(self) -> str:
        """The observation, and the admissible actions if the environment names them.

        In layout ``turn``, where a model sees nothing else, this is preceded by the last ``history`` turns without
        their thoughts, and by the first observation, in which environments state the task.
        """
        lines, settings = [self._observation], self._settings
        if settings.layout == "turn":
            turns = [f"{seen}\n> {said}" for seen, said in self._past]
            earlier = max(0, len(turns) - settings.history)
            first = [self._past[0][0]] if earlier else []
            lines = [*first, *turns[earlier:], self._observation]
        actions = self._info.get("actions")
        return "\n".join([*lines, *([f"actions: {', '.join(actions)}"] if actions else [])])

    def close(self) -> None:
        self._env.close()


def checked_reset(returned: Any) -> tuple[str, dict[str, Any]]:
    """What ``reset`` has returned; ValueError where it is not what Gymnasium asks for, with text."""
    if not (isinstance(returned, tuple) and len(returned) == 2 and _is_text_and_info(*returned)):
        raise ValueError(f"reset must give (text, info), and gave {returned!r:.200}")
    return returned[0], _checked_info(returned[1])


def checked_step(returned: Any) -> Step:
    """What ``step`` has returned; ValueError where it is not what Gymnasium asks for, with text."""
    if not (isinstance(returned, tuple) and len(returned) == 5 and _is_text_and_info(returned[0], returned[4])):
        raise ValueError(f"step must give (text, reward, terminated, truncated, info), and gave {returned!r:.200}")
    text, reward, terminated, truncated, info = returned
    if not isinstance(reward, SupportsFloat) or not math.isfinite(float(reward)):
        raise ValueError(f"step must give a finite reward, and gave {reward!r:.80}")
    ended = (_truth("terminated", terminated), _truth("truncated", truncated))
    return text, float(reward), *ended, _checked_info(info)


def _is_text_and_info(text: object, info: object) -> bool:
    if isinstance(text, str):
        text.encode()  # half a character is none of any token
    return isinstance(text, str) and isinstance(info, dict)


def _checked_info(info: dict[str, Any]) -> dict[str, Any]:
    """What is None in ``info`` is not there."""
    told = {name: value for name, value in info.items() if value is not None}
    for name in told.keys() & {"success", "valid"}:
        told[name] = _truth(f"info[{name!r}]", told[name])
    if not isinstance(actions := told.get("actions", []), list | tuple):
        raise ValueError(f"info['actions'] must be a list of texts, and is {actions!r:.80}")
    return {**told, "actions": [*map(str, actions)]} | ({"anchor": str(told["anchor"])} if "anchor" in told else {})


def _truth(name: str, value: Any) -> bool:
    if value not in (0, 1):  # a text such as "no" would be true
        raise ValueError(f"{name} must be true or false, and is {value!r:.80}")
    return bool(value)
