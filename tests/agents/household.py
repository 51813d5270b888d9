"""A kitchen of our own as games of ALFWorld, in the ALFRED domain that its package brings."""

import json
from pathlib import Path
from typing import Any

import pytest

PICK, HEAT = "pick_and_place_simple", "pick_heat_then_place_in_recep"
PLACES = {"CounterTop": False, "Fridge": True, "Microwave": True, "DiningTable": False}
"""Whether each opens."""
THINGS = {"Apple": "Fridge", "Mug": "CounterTop"}
"""Where each is."""
GOALS = {
    PICK: ("put some apple on diningtable", ""),
    HEAT: ("put a hot apple in diningtable", "(isHot ?o)"),
}
WAY = [
    "go to fridge 1",
    "open fridge 1",
    "take apple 1 from fridge 1",
    "go to microwave 1",
    "heat apple 1 with microwave 1",
    "go to diningtable 1",
    "move apple 1 to diningtable 1",
]


def problem(also: str) -> str:
    """The kitchen in PDDL: the apple is to be on the table, and ``also``."""
    objects, facts = ["agent1 - agent", "loc0 - location"], ["(atLocation agent1 loc0)", "(= (total-cost) 0)"]
    for number, (place, opens) in enumerate(PLACES.items(), 1):
        objects += [f"{place}_bar_1 - receptacle", f"{place}Type - rtype", f"loc{number} - location"]
        facts += [f"(receptacleType {place}_bar_1 {place}Type)", f"(receptacleAtLocation {place}_bar_1 loc{number})"]
        facts += [f"(openable {place}_bar_1)"] * opens
        facts += [f"(canContain {place}Type {thing}Type)" for thing in THINGS]
    for thing, place in THINGS.items():
        objects += [f"{thing}_bar_1 - object", f"{thing}Type - otype"]
        facts += [f"({can} {thing}_bar_1)" for can in ("pickupable", "heatable", "coolable", "cleanable")]
        facts += [f"(objectType {thing}_bar_1 {thing}Type)", f"(inReceptacle {thing}_bar_1 {place}_bar_1)"]
        facts += [f"(objectAtLocation {thing}_bar_1 loc{[*PLACES].index(place) + 1})"]
    there = "(objectType ?o AppleType) (receptacleType ?r DiningTableType) (inReceptacle ?o ?r)"
    goal = f"(exists (?r - receptacle ?o - object) (and {there} {also}))"
    parts = ("(:domain alfred)", f"(:objects {' '.join(objects)})", f"(:init {' '.join(facts)})", f"(:goal {goal})")
    return f"(define (problem kitchen) {' '.join(parts)})"


def write_game(folder: Path, kind: str, *, solvable: bool = True, domain: str = "", grammar: str = "") -> Path:
    """The game of a kind of task, in the layout of those that `alfworld-download` fetches."""
    words, also = GOALS[kind]
    folder.mkdir(parents=True)
    (folder / "traj_data.json").write_text(json.dumps({"task_type": kind}))
    game = {"pddl_domain": domain, "grammar": grammar.replace("UNKNOWN GOAL", words), "pddl_problem": problem(also)}
    (folder / "game.tw-pddl").write_text(json.dumps({**game, "solvable": solvable, "walkthrough": WAY}))
    return folder / "game.tw-pddl"


def games(folder: Path) -> Path:
    """A game to train on, one to validate on, and two that are no tasks; skips where alfworld is not installed."""
    info = pytest.importorskip("alfworld.info", reason="alfworld is not installed: pip install alfworld")
    pytest.importorskip("fast_downward", reason="alfworld's planner is not installed: pip install alfworld")
    words: dict[str, Any] = {
        "domain": Path(info.ALFRED_PDDL_PATH).read_text(),
        "grammar": Path(info.ALFRED_TWL2_PATH).read_text(),
    }
    write_game(folder / "train/heat/trial_1", HEAT, **words)
    write_game(folder / "train/heat/trial_2", HEAT, solvable=False, **words)
    write_game(folder / "train/movable/trial_3", PICK, **words)
    write_game(folder / "valid_seen/pick/trial_4", PICK, **words)
    return folder
