"""What an agent may do, and how its environments are kept: the section ``agent`` of a config."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from dgpo.errors import bounded, check_fields

Layout = Literal["trajectory", "turn"]
SuccessFrom = Literal["info", "reward"]


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """The values of the section.

    Attributes:
        layout: ``trajectory``: a trajectory is one sequence, all that was said before each action. ``turn``: each turn
            is a sequence of its own, with the last ``history`` turns in its prompt.
        max_turns: actions of an episode.
        max_action_tokens: tokens of an action, thoughts before it included.
        action_tag: what stands between ``<tag>`` and ``</tag>`` is the action; None: the whole text is.
        think_tag: an answer without ``</tag>`` is not valid, though its action is taken; None: thoughts are free.
        history: earlier turns in the prompt of a turn, in layout ``turn``.
        invalid_penalty: taken from the reward of a turn whose action is none, or not valid.
        success: ``info``: the environment says it as ``info["success"]``. ``reward``: the episode's rewards add up to
            more than 0.
        hosts: processes with environments, for each of verl's agent workers.
        deadline: seconds that an environment may take for one reset or step.
        max_lost: share of a batch's episodes that environments may lose; more ends the run.

    Raises:
        ValueError: a value out of its range; the message begins with its name.
    """

    layout: Layout = "trajectory"
    max_turns: int = bounded(8, at_least=1)
    max_action_tokens: int = bounded(256, at_least=1)
    action_tag: str | None = "action"
    think_tag: str | None = None
    history: int = bounded(2, at_least=0)
    invalid_penalty: float = bounded(0.1, at_least=0)
    success: SuccessFrom = "info"
    hosts: int = bounded(2, at_least=1)
    deadline: float = bounded(30.0, above=0)
    max_lost: float = bounded(0.1, at_least=0, at_most=1)

    def __post_init__(self) -> None:
        check_fields(self)
        for name, word in (("action_tag", "action"), ("think_tag", "think")):
            tag = getattr(self, name)
            if tag is not None and not (isinstance(tag, str) and tag.isidentifier()):
                raise ValueError(f"{name}={tag!r} must be a word, such as {word}, or null")

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "AgentSettings":
        """From a config's section; an unknown key is a ValueError."""
        known = {field.name for field in fields(cls)}
        for name in section:
            if name not in known:
                raise ValueError(f"{name}={section[name]!r} is no setting of an agent: {', '.join(sorted(known))}")
        return cls(**dict(section))
