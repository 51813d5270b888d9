"""FrozenLake in words, as the environment, the teacher and the model's own walks have it."""

import json
import random
from itertools import islice

import pytest

from dgpo.agents.environment import Episode
from dgpo.agents.envs import frozen_lake as lake
from dgpo.agents.settings import AgentSettings
from dgpo.tasks.lake import LakeLessons, Walk
from dgpo.tasks.small_model import character_tokenizer

MAPS = list(islice(lake.tasks(random.Random(0)), 40))
SETTINGS = AgentSettings(action_tag=None)


def test_there_is_a_way_on_each_map_and_the_local_rule_finds_half_of_them() -> None:
    for options, kind in MAPS:
        rows = options["desc"]
        way = lake.shortest_way(rows, lake.find_tile(rows, "S"))
        assert way and 2 <= len(way) <= 7
        assert lake.local_success(rows) == (kind == "open")
    assert [kind for _, kind in MAPS] == ["open", "detour"] * 20


@pytest.mark.parametrize("number", range(6))
def test_a_shortest_way_is_walked_to_success_and_told_as_the_teacher_tells_it(number: int) -> None:
    options, _ = MAPS[number]
    episode = Episode({"id": lake.ID, "kwargs": json.dumps(options), "seed": 0}, SETTINGS)
    tokenizer = character_tokenizer()
    heard, walk = episode.reset(), Walk(tokenizer, options["desc"])
    texts = [heard["text"]]
    for move in lake.shortest_way(options["desc"], walk.cell) or "":
        assert not walk.done and not heard["success"]
        heard = episode.step(move)
        walk.step(move)
        texts.append(heard["text"])
    assert walk.arrived and heard["success"] and heard["done"] and heard["reward"] == 1
    shown = [part.split("<|im_end|>")[0] for part in tokenizer.decode(walk.ids).split("user\n")[1:]]
    assert shown == texts[:-1]
    learnt = [id for id, label in zip(walk.ids, walk.labels, strict=True) if label != -100]
    assert tokenizer.decode(learnt).count("<|im_end|>") == len(texts) - 1


def test_nonsense_and_walls_leave_the_walker_where_it_is() -> None:
    options = {"desc": ["SF", "FG"], "is_slippery": False}
    episode = Episode({"id": lake.ID, "kwargs": json.dumps(options), "seed": 0}, SETTINGS)
    assert episode.reset()["text"] == "SF FG\nDR D1R1"
    nowhere, wall, right = (episode.step(said) for said in ("fly", "left", "R"))
    assert (nowhere["text"], nowhere["valid"], nowhere["reward"]) == ("DR D1R1", False, -0.1)
    assert (wall["text"], wall["valid"], wall["reward"]) == ("DR D1R1", True, 0)
    assert right["text"] == "LD D1R0"


def test_lessons_are_walks_that_fit_the_example_and_go_wrong_by_the_noise() -> None:
    tokenizer = character_tokenizer()
    right = LakeLessons(steps=5, batch_size=8, noise=0.0).examples(tokenizer)
    wrong = LakeLessons(steps=5, batch_size=8, noise=0.9).examples(tokenizer)
    assert len(right) == 40 and max(len(each["input_ids"]) for each in right + wrong) <= 464
    own = [sum(label != -100 for label in each["labels"]) for each in right]
    assert max(own) <= 14 and sum(len(each["input_ids"]) for each in wrong) > sum(
        map(len, (e["labels"] for e in right))
    )
