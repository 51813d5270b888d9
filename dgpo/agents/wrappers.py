"""Gymnasium wrappers between an environment and a model: spaces in words, the action in an answer, what is shown.

All of them take and give text; ``info`` may hold ``success``, ``valid``, ``actions`` (admissible ones) and ``anchor``
(the state in words, where the observation says more or less than it).
"""

import math
import re
from typing import Any, SupportsFloat

import gymnasium
from gymnasium import spaces

from dgpo.errors import UserError

Step = tuple[str, float, bool, bool, dict[str, Any]]


class SpacesInWords(gymnasium.Wrapper):
    """Discrete spaces as numbers: observation ``14 10 0``, actions ``0`` to ``n - 1``; UserError for other spaces."""

    def __init__(self, env: gymnasium.Env):
        super().__init__(env)
        if not isinstance(env.action_space, spaces.Text | spaces.Discrete):
            raise _unspeakable(env, "action", env.action_space)
        if not _speakable(env.observation_space):
            raise _unspeakable(env, "observation", env.observation_space)

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._last = in_words(observation)
        return self._last, info

    def step(self, action: str) -> Step:
        number = self.number_of(action)
        if number is None:
            return self.where(), 0.0, False, False, {"valid": False}
        observation, reward, terminated, truncated, info = self.env.step(number)
        self._last = in_words(observation)
        return self._last, float(reward), terminated, truncated, {**info, "valid": True}

    _last = ""

    def where(self) -> str:
        """The observation to repeat after an invalid action."""
        return self._last

    def number_of(self, action: str) -> Any:
        """The environment's action that the words name; None where they name none."""
        space = self.env.action_space
        if isinstance(space, spaces.Text):
            return action
        inside = isinstance(space, spaces.Discrete) and action.isdecimal()
        return int(action) if inside and space.contains(int(action)) else None


def _speakable(space: spaces.Space | None) -> bool:
    if isinstance(space, spaces.Tuple):
        return all(map(_speakable, space.spaces))
    if isinstance(space, spaces.Dict):
        return all(map(_speakable, space.spaces.values()))
    return isinstance(space, spaces.Text | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)


def _unspeakable(env: gymnasium.Env, which: str, space: object) -> UserError:
    name = env.spec.id if env.spec else type(env).__name__
    return UserError(
        f"environment {name}: its {which} space {space!s:.80} cannot be said in words; wrap it in an environment that "
        "takes and gives text (docs/agents.md)"
    )


def in_words(observation: Any) -> str:
    """Text as it is, numbers with spaces between, a dictionary's with their names."""
    if isinstance(observation, str):
        return observation
    if isinstance(observation, dict):
        return " ".join(f"{name} {in_words(each)}" for name, each in observation.items())
    if hasattr(observation, "tolist"):
        observation = observation.tolist()
    return " ".join(map(in_words, observation)) if isinstance(observation, tuple | list) else str(int(observation))


class Checked(gymnasium.Wrapper):
    """Checks that an environment returns what Gymnasium asks for, with text; what is None in ``info`` is not there.

    Raises:
        ValueError: it does not; the message says what it returned.
    """

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        returned = self.env.reset(**options)
        if not (isinstance(returned, tuple) and len(returned) == 2 and _is_text_and_info(*returned)):
            raise ValueError(f"reset must give (text, info), and gave {returned!r:.200}")
        return returned[0], _checked(returned[1])

    def step(self, action: str) -> Step:
        returned = self.env.step(action)
        if not (isinstance(returned, tuple) and len(returned) == 5 and _is_text_and_info(returned[0], returned[4])):
            raise ValueError(f"step must give (text, reward, terminated, truncated, info), and gave {returned!r:.200}")
        text, reward, terminated, truncated, info = returned
        if not isinstance(reward, SupportsFloat) or not math.isfinite(float(reward)):
            raise ValueError(f"step must give a finite reward, and gave {reward!r:.80}")
        ended = (_truth("terminated", terminated), _truth("truncated", truncated))
        return text, float(reward), *ended, _checked(info)


def _is_text_and_info(text: object, info: object) -> bool:
    if isinstance(text, str):
        text.encode()  # half a character is none of any token
    return isinstance(text, str) and isinstance(info, dict)


def _checked(info: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in info.items() if value is not None}
    for name in told.keys() & {"success", "valid"}:
        told[name] = _truth(f"info[{name!r}]", told[name])
    if not isinstance(actions := told.get("actions", []), list | tuple):
        raise ValueError(f"info['actions'] must be a list of texts, and is {actions!r:.80}")
    return {**told, "actions": [*map(str, actions)]}


def _truth(name: str, value: Any) -> bool:
    if value not in (0, 1):  # a text such as "no" would be true
        raise ValueError(f"{name} must be true or false, and is {value!r:.80}")
    return bool(value)


class ActionTag(gymnasium.Wrapper):
    """Passes on the action in the last ``<tag>`` of a model's answer, or the whole answer where there is no tag.

    An answer without an action never reaches the environment, and is ``penalty`` less in reward. So is an action that
    the environment calls not ``valid``, and one without ``</think>`` where thoughts are asked for, which is still
    taken. ``info["action"]`` is what was passed on, or "".
    """

    def __init__(self, env: gymnasium.Env, tag: str | None, penalty: float, think: str | None = None):
        super().__init__(env)
        self._pattern = re.compile(rf"<{tag}>(.*?)</{tag}>", re.DOTALL) if tag else None
        self._penalty, self._thought = penalty, f"</{think}>" if think else ""
        self._last: tuple[str, dict[str, Any]] = ("", {})

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        self._last = self.env.reset(**options)
        return self._last

    def step(self, action: str) -> Step:
        actions = self._pattern.findall(action) if self._pattern else [action]
        inner = actions[-1].strip() if actions else ""
        if not inner:
            observation, info = self._last
            return observation, -self._penalty, False, False, {**info, "valid": False, "action": ""}
        observation, reward, terminated, truncated, info = self.env.step(inner)
        self._last = (observation, info)
        info = {**info, "action": inner, "valid": info.get("valid", True) and self._thought in action}
        return observation, float(reward) - self._penalty * (not info["valid"]), terminated, truncated, info


class PromptText(gymnasium.Wrapper):
    """The text that the model is shown: the observation, and the admissible actions if the environment names them.

    With ``history``, for a model that sees nothing else, this is preceded by the last ``history`` turns without their
    thoughts, and by the first observation, in which environments state the task.

    ``info["anchor"]`` is the observation alone, where the environment gives no other.
    """

    def __init__(self, env: gymnasium.Env, history: int | None):
        super().__init__(env)
        self._history = history
        self._observations: list[str] = []
        self._answers: list[str] = []

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._observations, self._answers = [], []
        return self._show(observation, info), info

    def step(self, action: str) -> Step:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._answers.append(info.get("action", action.strip()))
        return self._show(observation, info), float(reward), terminated, truncated, info

    def _show(self, observation: str, info: dict[str, Any]) -> str:
        info.setdefault("anchor", observation)
        before = []
        if self._history is not None:
            turns = [f"{seen}\n> {said}" for seen, said in zip(self._observations, self._answers, strict=True)]
            first = self._observations[:1] if len(turns) > self._history else []
            before = first + turns[len(turns) - min(self._history, len(turns)) :]
        self._observations.append(observation)
        actions = info.get("actions")
        return "\n".join([*before, observation, *([f"actions: {', '.join(actions)}"] if actions else [])])
