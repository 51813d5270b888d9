"""An agent: its settings, the credit of its turns, and the environments that the prompt files name, tried once each."""

import asyncio
import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig

from dgpo.advantages.trajectories import CREDIT, ESTIMATOR
from dgpo.agents.environment import Task
from dgpo.agents.hosts import EnvironmentLostError, Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.config.checks.finding import Finding, finding, finding_from_error, refusal
from dgpo.config.checks.loading import UnloadableError, model_tokenizer, prompt_contents
from dgpo.data.schema import Message
from dgpo.errors import UserError, check_number, choose

WITHOUT = "or leave agent out"
RANGES = {"gamma": (0, 1), "alpha": (0, math.inf), "range": (0, 1), "omega": (0, math.inf)}


def agent(config: DictConfig) -> Iterator[Finding]:
    """The sections ``agent`` and ``credit``, which go together, and what takes the ground away from them."""
    estimator = config.algorithm.adv_estimator
    if not config.get("agent"):
        if config.get("credit") or estimator == ESTIMATOR:
            message = "it credits an agent's turns, and there is no agent"
            yield Finding("credit", dict(config.get("credit") or {}), message, "add +agent=gymnasium, or leave it out")
        return
    try:
        AgentSettings.of(config.agent)
    except ValueError as error:
        yield refusal(config, "agent", error, "correct it; docs/agents.md")
    if not config.get("credit"):
        yield Finding("credit", None, "an agent's turns get no advantage", f"add advantage=proxmo, {WITHOUT}")
    else:
        yield from _credit(config)
    if estimator != ESTIMATOR or config.critic.get("enable"):
        message = "an agent's turns are credited by the group, and a critic or another estimator knows no turns"
        key = "algorithm.adv_estimator" if estimator != ESTIMATOR else "critic.enable"
        yield Finding(key, estimator, message, f"use {ESTIMATOR} without a critic, {WITHOUT}")
    if config.algorithm.use_kl_in_reward:
        message = "the environment's rewards are credited, and none of verl's"
        remedy = "set it to false; actor.use_kl_loss=true has a KL term"
        yield finding(config, "algorithm.use_kl_in_reward", message, remedy)
    groups = config.algorithm.filter_groups
    if groups.enable and groups.metric != "acc":
        yield finding(config, "algorithm.filter_groups.metric", "an agent's group is told by success", "use acc")
    if config.get("rollouts"):
        message = "it tells prompts apart by their text, and an agent's tasks share theirs"
        yield Finding("rollouts", "dynamo", message, f"leave rollouts=dynamo out, {WITHOUT}")


def _credit(config: DictConfig) -> Iterator[Finding]:
    options = {str(key): value for key, value in config.credit.items()}
    try:
        credit = choose("credit", "credit.method", options.pop("method", None), CREDIT)
    except UserError as error:
        yield finding_from_error(error)
        return
    turns: Mapping[str, Any] = {"rewards": [0.0, 1.0], "observations": ["a", "b"], "success": 1.0}
    try:
        for name, (least, most) in RANGES.items():
            check_number(name, options.get(name, least), at_least=least, at_most=most)
        credit([turns, turns], **options)
    except (TypeError, ValueError) as error:
        yield refusal(config, "credit", error, "correct it; docs/agents.md")


def environments(config: DictConfig) -> Iterator[Finding]:
    """The first task of each environment in the prompt files: it can be made, and played, and fits the context."""
    if not config.get("agent"):
        return
    try:
        settings = AgentSettings.of(config.agent)
    except ValueError:
        return  # `agent` says so
    known = set[str]()
    for key, path, file in prompt_contents(config):
        if "" in file.environments:
            message = "its rows name no environment in extra_info.env"
            yield Finding(key, path, message, "write it with `dgpo data env`; docs/agents.md has the columns")
            continue
        for id, (prompt, task) in file.environments.items():
            if id not in known:
                known.add(id)
                yield from _played(config, settings, key, path, prompt, task)


def _played(
    config: DictConfig, settings: AgentSettings, key: str, path: str, prompt: list[Message], task: Task
) -> Iterator[Finding]:
    """Episodes of a task begin alike, tell of success, survive what is no action, and fit the context."""
    try:
        heard, again, lost = asyncio.run(_play(settings, task))
    except EnvironmentLostError as error:
        yield Finding(key, path, str(error), "mend the environment, or name another")
        return
    if again != heard[0]:
        message = f"environment {task['id']} begins in two ways from one seed, {task['seed']}"
        remedy = "take all randomness from reset's seed, so that the trajectories of a task can be compared"
        yield Finding(key, path, message, remedy, fatal=False)
    if lost:
        remedy = "answer with info['valid'] false instead, or such episodes are lost"
        yield Finding(key, path, f"what is no action, such as ?, ends it: {lost}", remedy, fatal=False)
    if heard[-1]["success"] is None:
        ended = heard[-1]["terminated"]
        message = f"environment {task['id']} has {'ended' if ended else 'gone on'} without a word of info['success']"
        yield Finding("agent.success", settings.success, message, "give it, or set agent.success=reward", fatal=ended)
    with contextlib.suppress(UnloadableError, OSError):  # `files.model` says so
        yield from _room(config, settings, prompt, [each["text"] for each in heard], f"environment {task['id']}")


def _room(
    config: DictConfig, settings: AgentSettings, prompt: list[Message], texts: list[str], where: str
) -> Iterator[Finding]:
    """An episode that hears ``texts`` fits the lengths of prompt and response; the longest after the first may come in
    each turn."""
    render = model_tokenizer(config.actor_rollout_ref.model)[0].apply_chat_template

    def tokens(text: str, *more: dict[str, str]) -> int:
        messages = [*prompt, {"role": "user", "content": text}, *more]
        return len(render(messages, add_generation_prompt=True, tokenize=True, return_dict=False))

    opening, longest = texts[0], max(texts[1:], key=len)
    first, room, turns, between = tokens(opening), config.data.max_response_length, 1, 0
    if is_whole := settings.layout == "trajectory":
        turn = [{"role": "assistant", "content": ""}, {"role": "user", "content": longest}]
        turns, between = settings.max_turns, (settings.max_turns - 1) * (tokens(opening, *turn) - first)
    else:
        first = max(first, tokens(longest))
    if first > config.data.max_prompt_length:
        message = f"an observation of {where}, with its prompt, takes {first} tokens"
        yield finding(config, "data.max_prompt_length", message, f"raise it to {first} or more")
    needed = between + turns * settings.max_action_tokens
    if needed > room:
        possible = between + turns <= room
        what = "so that some will be cut off" if possible else f"{between} of them observations"
        remedy = f"raise it to {needed}, or lower agent.max_action_tokens"
        remedy += ", or agent.max_turns, or set agent.layout=turn" if is_whole else ""
        message = f"{turns} turns of {where} take up to {needed} tokens, {what}"
        yield finding(config, "data.max_response_length", message, remedy, fatal=not possible)


async def _play(settings: AgentSettings, task: Task) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """What is heard in an episode of a player that always says 0, which models may say as well.

    And what another episode begins with, and how it is lost by a ?, or "".
    """
    hosts, tag = Hosts(replace(settings, hosts=1)), settings.action_tag
    zero, junk = (f"<{tag}>{each}</{tag}>" if tag else each for each in "0?")
    try:
        episode, other = hosts.episode(task), hosts.episode(task)
        heard = [await episode.reset()]
        while not heard[-1].get("done"):
            heard.append(await episode.step(zero))
        again, lost = await other.reset(), ""
        try:
            await other.step(junk)
        except EnvironmentLostError as error:
            lost = str(error)
        return heard, again, lost
    finally:
        hosts.close()
