"""Agents: seconds that environments and credit take, and what runs of `recipes/agents.sh` learned, in what time.

    python -m benchmarks.agents [RUN ...] --output benchmarks/results/agents.md

Runs are called NAME-SEED. One of a single turn, such as the quick start's, may stand among them: its tokens a second
beside the agents'.
"""

import asyncio
import json
import random
import re
import resource
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import arguments_of, publish, students
from dgpo.advantages.trajectories import CREDIT
from dgpo.agents.environment import Task
from dgpo.agents.envs import frozen_lake
from dgpo.agents.hosts import Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.runs.metrics import steps_of
from dgpo.tables import Table

EPISODES, GROUPS, GROUP = 128, 16, 8


def walk_seconds(count: int) -> float:
    """Processor seconds of so many random walks of eight turns at most, two host processes and their start included."""
    hosts = Hosts(AgentSettings(action_tag=None, hosts=2))
    rng = random.Random(0)
    drawn = islice(frozen_lake.tasks(rng), count)
    tasks: list[Task] = [{"id": frozen_lake.ID, "kwargs": json.dumps(each), "seed": 0} for each, _ in drawn]

    async def walk(task: Task) -> None:
        episode = hosts.episode(task)
        await episode.reset()
        while not (await episode.step(rng.choice("LDRU")))["done"]:
            pass
        await episode.close()

    async def walks() -> None:
        await asyncio.gather(*map(walk, tasks))

    before, here = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    asyncio.run(walks())
    here = time.process_time() - here
    hosts.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return here + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def credit_seconds(method: str, turns: int) -> float:
    """Processor seconds of a step's credit: 16 groups of 8 trajectories, each turn in one of 30 rooms."""
    rng = random.Random(0)
    rooms = [" ".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=60)) for _ in range(30)]

    def trajectory() -> dict[str, Any]:
        success = float(rng.random() < 0.5)
        rewards = [0.0] * (turns - 1) + [success]
        return {"rewards": rewards, "observations": rng.choices(rooms, k=turns), "success": success}

    groups = [[trajectory() for _ in range(GROUP)] for _ in range(GROUPS)]
    began = time.process_time()
    for group in groups:
        CREDIT[method](group)
    return time.process_time() - began


def success(run: Path) -> dict[int, float]:
    """Success by step of a run's validations: the mean of the two kinds of map."""
    shares = {}
    for step, metrics in steps_of(run).items():
        kinds = [value for key, value in metrics.items() if re.search(r"\.(open|detour)/acc/mean@", key)]
        if len(kinds) == 2:
            shares[step] = sum(kinds) / 2
    return shares


def learned(runs: Sequence[Path]) -> Table:
    """A row a kind of credit, over runs called NAME-SEED: success at each validation, and minus GRPO's of that seed."""
    curves: dict[str, dict[str, dict[int, float]]] = defaultdict(dict)
    for run in runs:
        name, _, seed = run.name.rpartition("-")
        if curve := success(run):
            curves[name][seed] = curve
    every = [curve for seeds in curves.values() for curve in seeds.values()]
    steps = sorted(set.intersection(*map(set, every))) if every else []
    rows = []
    for name, seeds in curves.items():
        both = [seed for seed in seeds if seed in curves.get("grpo", {})] if name != "grpo" else []
        minus = [[seeds[seed][step] - curves["grpo"][seed][step] for seed in both] for step in steps[1:]]
        rows.append(
            [
                name,
                str(len(seeds)),
                *(students([curve[step] for curve in seeds.values()]).text() for step in steps),
                *(students(each).text("+.3f") if each else "–" for each in minus),
            ]
        )
    head = ["credit", "seeds", *(f"step {step}" for step in steps), *(f"minus grpo at {step}" for step in steps[1:])]
    note = (
        "Success at temperature 1 on held-out maps, half of which the rule 'towards the goal unless a hole is there' "
        "crosses. Means over seeds with Student's 95 % interval; differences are of runs from the same model."
    )
    return Table(head, rows, title="Success on FrozenLake", notes=[note])


def speed(runs: Sequence[Path]) -> Table:
    """A row a NAME, medians of its steps: seconds, tokens of prompts and answers a second, share of the update."""
    keys = ("timing_s/step", "perf/throughput", "timing_s/update_actor")
    figures: dict[str, list[list[float]]] = defaultdict(list)
    for run in runs:
        steps = (step for step in steps_of(run).values() if all(key in step for key in keys))
        figures[run.name.rpartition("-")[0]] += [[step[key] for key in keys] for step in steps]
    rows = []
    for name, steps in figures.items():
        seconds, tokens, update = np.median(steps, axis=0)
        rows.append([name, f"{seconds:.1f}", f"{tokens:,.0f}", f"{update / seconds:.0%}"])
    head = ["runs", "seconds a step", "tokens a second", "of it in the update"]
    note = "Runs of other models, lengths and updates a step tell the order of size alone."
    return Table(head, rows, title="Time", notes=[note])


def main() -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("runs", type=Path, nargs="*")
    arguments = parser.parse_args()
    walk = (walk_seconds(EPISODES + 2) - walk_seconds(2)) / EPISODES
    methods = [[name, *(f"{credit_seconds(name, turns):.3f}" for turns in (8, 50))] for name in CREDIT]
    parts = [
        Table(
            ["credit", "8 turns", "50 turns"],
            methods,
            title=f"Processor seconds a step, {GROUPS} groups of {GROUP}",
            notes=[f"A FrozenLake episode takes {walk * 1000:.1f} ms of environment, its process and calls included."],
        )
    ]
    if arguments.runs:
        parts += [learned(arguments.runs), speed(arguments.runs)]
    publish(arguments.output, *parts)


if __name__ == "__main__":
    main()
