"""Environments that fail, in real processes: an episode is lost with its reason, and no other one by an exception."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import psutil
import pytest

from dgpo.agents.environment import Task
from dgpo.agents.hosts import EnvironmentLostError, HostedEpisode, Hosts
from dgpo.agents.settings import AgentSettings
from tests.agents.conftest import rough


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """One process, that all episodes share."""
    hosts = Hosts(AgentSettings(hosts=1, action_tag=None, deadline=5))
    yield hosts
    hosts.close()


async def play(episode: HostedEpisode) -> list[dict[str, Any]]:
    heard = [await episode.reset()]
    while not heard[-1].get("done"):
        heard.append(await episode.step("go"))
    await episode.close()
    return heard


async def lost(episode: HostedEpisode) -> str:
    with pytest.raises(EnvironmentLostError) as error:
        await play(episode)
    return str(error.value)


def test_an_episode_is_played_to_its_end(hosts: Hosts) -> None:
    heard = asyncio.run(play(hosts.episode(rough(seed=7))))
    assert [each["text"] for each in heard] == [
        "count 0 of seed 7",
        "count 1\nactions: go, stay",
        "count 2\nactions: go, stay",
        "count 3\nactions: go, stay",
    ]
    assert [each["success"] for each in heard] == [None, False, False, True]
    assert [each["reward"] for each in heard[1:]] == [0, 0, 1] and heard[-1]["anchor"] == "count 3"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raises", "environment rough:Rough-v0, step: RuntimeError: the game is broken"),
        ("number", "step must give (text, reward, terminated, truncated, info), and gave (2,"),
        ("four", "step must give (text, reward, terminated, truncated, info), and gave ('count', 0.0"),
        ("nan", "step must give a finite reward, and gave nan"),
        ("word", "terminated must be true or false, and is 'no'"),
        ("half", "info['success'] must be true or false, and is 0.5"),
        ("actions", "info['actions'] must be a list of texts, and is 'go, stay'"),
        ("surrogate", "surrogates not allowed"),
        ("reads", "EOFError"),
    ],
)
def test_an_environment_that_raises_or_gives_garbage_loses_its_own_episode_alone(
    hosts: Hosts, fault: str, reason: str
) -> None:
    async def beside() -> tuple[str, list[dict[str, Any]]]:
        return await asyncio.gather(lost(hosts.episode(rough(fault))), play(hosts.episode(rough())))

    told, heard = asyncio.run(beside())
    assert reason in told and heard[-1]["success"]


@pytest.mark.parametrize("fault", ["prints", "forks"])
def test_what_an_environment_prints_is_no_answer_nor_what_it_forks_gives_one(hosts: Hosts, fault: str) -> None:
    texts = [each["text"].partition("\n")[0] for each in asyncio.run(play(hosts.episode(rough(fault))))]
    assert texts == ["count 0 of seed 0", "count 1", "count 2", "count 3"]


def test_what_is_no_number_of_an_action_leaves_the_first_observation_as_it_is(hosts: Hosts) -> None:
    heard = asyncio.run(play(hosts.episode({"id": "Taxi-v4", "kwargs": "{}", "seed": 3})))
    assert {each["text"] for each in heard} == {"42"} and not heard[1]["valid"]


def test_a_process_that_ends_is_started_again(hosts: Hosts) -> None:
    assert "its process ended with status 3" in asyncio.run(lost(hosts.episode(rough("ends"))))
    assert asyncio.run(play(hosts.episode(rough())))[-1]["success"]


def test_a_process_that_hangs_is_killed_and_what_else_lived_in_it_played_again() -> None:
    hosts = Hosts(AgentSettings(hosts=1, action_tag=None, deadline=0.5))
    before = set(psutil.Process().children())

    async def beside() -> tuple[str, dict[str, Any], str]:
        other, random = hosts.episode(rough(seed=3)), hosts.episode(rough("random"))
        for each in (other, random):
            await each.reset()
            await each.step("go")
        (process,) = set(psutil.Process().children()) - before
        told = await lost(hosts.episode(rough("hangs")))
        assert not process.is_running()
        heard = await other.step("go")
        with pytest.raises(EnvironmentLostError) as error:
            await random.step("go")
        return told, heard, str(error.value)

    told, heard, other = asyncio.run(beside())
    assert "no answer within 0.5 s, agent.deadline" in told
    assert heard["text"].startswith("count 2")
    assert "played again it went another way" in other
    hosts.close()


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("Nowhere-v0", "id=Nowhere-v0: no environment can be loaded"),
        ("nowhere:Nowhere-v0", "id=nowhere:Nowhere-v0: no environment can be loaded"),
        ("CartPole-v1", "its observation space Box"),
        ("Pendulum-v1", "cannot be said in words"),
    ],
)
def test_what_is_no_text_environment_is_refused_by_name(hosts: Hosts, id: str, message: str) -> None:
    task: Task = {"id": id, "kwargs": "{}", "seed": 0}
    assert message in asyncio.run(lost(hosts.episode(task)))


PARENT = """
import json, sys
from dgpo.agents.hosts import Host

host, (reset, step) = Host(), json.loads(sys.argv[1])
host.ask(reset, 60)
host.ask(step, 60)
print(host.pid, flush=True)
host.ask(step, 60)
"""


def test_a_host_that_hangs_ends_with_its_parent() -> None:
    settings = asdict(AgentSettings(action_tag=None))
    calls = [
        {"call": "reset", "episode": 0, "task": rough("hangs"), "settings": settings},
        {"call": "step", "episode": 0, "answer": "go"},
    ]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, json.dumps(calls)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    host = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    host.wait(60)
