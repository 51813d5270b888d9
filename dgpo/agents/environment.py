"""Text environments by their id, wrapped as a model meets them."""

import json
from typing import Any, TypedDict

import gymnasium
from gymnasium.wrappers import TimeLimit

from dgpo.agents.envs import frozen_lake
from dgpo.agents.settings import AgentSettings
from dgpo.agents.wrappers import ActionTag, Checked, PromptText, SpacesInWords
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


def make(task: Task, settings: AgentSettings) -> gymnasium.Env:
    """The environment of a task: text in, text out, at most ``max_turns`` steps.

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
    env = ActionTag(Checked(env), settings.action_tag, settings.invalid_penalty, settings.think_tag)
    env = PromptText(env, settings.history if settings.layout == "turn" else None)
    return TimeLimit(env, settings.max_turns)


class Episode:
    """One episode of a task; each method returns plain JSON."""

    def __init__(self, task: Task, settings: AgentSettings):
        self._env, self._settings, self._seed = make(task, settings), settings, task["seed"]
        self._reward = 0.0
        self._success: bool | None = None

    def reset(self) -> dict[str, Any]:
        """Start the episode: its ``text``, ``anchor``, and ``success``, None until the environment says it."""
        return self._facts(*self._env.reset(seed=self._seed))

    def step(self, answer: str) -> dict[str, Any]:
        """Take a turn: the same, and ``reward``, ``valid``, ``terminated``, and ``done``: terminated or cut off."""
        text, reward, terminated, truncated, info = self._env.step(answer)
        valid, reward = info.get("valid", True), float(reward)
        self._reward += reward + self._settings.invalid_penalty * (not valid)
        facts = self._facts(text, info)
        if self._settings.success == "reward":
            facts["success"] = self._reward > 0
        return {**facts, "reward": reward, "valid": valid, "terminated": terminated, "done": terminated or truncated}

    def _facts(self, text: str, info: dict[str, Any]) -> dict[str, Any]:
        self._success = info.get("success", self._success)
        return {"text": text, "anchor": str(info["anchor"]), "success": self._success}

    def close(self) -> None:
        self._env.close()
