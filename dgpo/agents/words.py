"""Gymnasium environments with discrete spaces as text: a wrapper that says numbers, and reads them."""

from typing import Any

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
