"""Rows that name an environment's tasks: `data/schema.py`'s, with `Task` in ``extra_info.env`` and a system message."""

import json
import random
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from dgpo.agents.environment import Task, make
from dgpo.agents.envs import alfworld, frozen_lake, text_games, webshop
from dgpo.data.schema import PromptRow, write_parquet
from dgpo.errors import UserError, loading
from dgpo.files import make_folder

PROMPT = "You are an agent in an environment. Think, then give your next action as <action>...</action>."
PROMPTS = {frozen_lake.ID: frozen_lake.PROMPT, alfworld.ID: alfworld.PROMPT, webshop.ID: webshop.PROMPT}
"""System messages of environments that have their own."""
SUFFIXES = (*text_games.SUFFIXES, alfworld.SUFFIX)
Tasks = Iterator[tuple[Task, str]]
"""Tasks, each with its kind, or ""."""


def write_tasks(
    out: Path,
    id: str,
    *,
    tasks: int,
    validation: int,
    seed: int = 0,
    kwargs: str = "{}",
    games: Path | None = None,
    prompt: str = "",
) -> list[Path]:
    """Writes `train.parquet` and `validation.parquet`; no task of one is in the other. Returns the paths.

    Args:
        id: of the environment, as `gymnasium.make` takes it.
        kwargs: JSON, options for it.
        games: folder of files, each of which is a task, as the option ``game``. Where it has ``train`` and
            ``valid_seen``, as ALFWorld's, these are the splits. None: ALFWorld's own, for ALFWorld.
        prompt: the system message; "" for the usual one.

    Raises:
        UserError: a number, a seed or options that cannot be; and what `make` refuses.
    """
    for name, value in (("tasks", tasks), ("validation", validation)):
        if value < 1:
            raise UserError(f"{name}={value}: ask for at least 1 task")
    if not 0 <= seed < 2**31:
        raise UserError(f"seed={seed}: use a whole number from 0 to {2**31 - 1}")
    try:
        options = json.loads(kwargs)
    except ValueError as error:
        raise UserError(f"kwargs={kwargs}: it is no JSON ({error}); write an object such as {{}}") from error
    if not isinstance(options, dict):
        raise UserError(f"kwargs={kwargs}: write a JSON object, names and values")
    name = id.rpartition(":")[2]
    draws, where, remedy = _draws(name, id, options, games, seed)
    rows = list[PromptRow]()
    for split, key, count in (("validation", "validation", validation), ("train", "tasks", tasks)):
        drawn = list(islice(draws[split], count))
        if len(drawn) < count:
            fewer = ", or ask for fewer" if drawn else ""
            raise UserError(f"{where}: {len(drawn)} tasks are there for {key}={count}; {remedy}{fewer}")
        for task, kind in drawn:
            row = task_row(task, kind=kind, prompt=prompt or PROMPTS.get(name, PROMPT), index=len(rows))
            row["extra_info"]["split"] = split
            rows.append(row)
    first: Any = rows[0]["extra_info"]["env"]
    with loading("environment", f"id={id}", "mend it"):  # what cannot be made is refused here
        make(first).close()
    make_folder(out, "out")
    parts = {"train": rows[validation:], "validation": rows[:validation]}
    return [write_parquet(part, out / f"{split}.parquet") for split, part in parts.items()]


def task_row(task: Task, *, kind: str, prompt: str, index: int) -> PromptRow:
    """The row of a task. ``kind`` of tasks is in its data source, by which success is told."""
    source = task["id"].rpartition(":")[2].replace("/", "-")
    return {
        "prompt": [{"role": "system", "content": prompt}],
        "data_source": f"{source}.{kind}" if kind else source,
        "ability": "agent",
        "reward_model": {"style": "environment", "ground_truth": "success"},
        "extra_info": {"index": index, "env": dict(task)},  # pyright: ignore[reportReturnType]
    }


def _draws(
    name: str, id: str, options: Mapping[str, Any], games: Path | None, seed: int
) -> tuple[dict[str, Tasks], str, str]:
    """Tasks for each split (one iterator where they share them), where they are from, and what makes them more."""
    if name == webshop.ID:
        return _webshop_tasks(id, options, seed), "WebShop", "load more products"
    if name == alfworld.ID:
        games = games or alfworld.games()
    if games is not None:
        remedy = f"tw-make makes more ({', '.join(text_games.SUFFIXES)})"
        if name == alfworld.ID:
            remedy = "pip install alfworld, then alfworld-download, which fetches games to there"
        parts = {"validation": games / "valid_seen", "train": games / "train"}
        where = f"games={games}"
        if all(part.is_dir() for part in parts.values()):
            return {split: _game_tasks(id, options, part, seed) for split, part in parts.items()}, where, remedy
        drawn = _game_tasks(id, options, games, seed)
    else:
        maps = name == frozen_lake.ID and not {"desc", "map_name"} & {*options}
        drawn = _lake_tasks(options, seed) if maps else _seeded_tasks(id, options, seed)
        where, remedy = id, ""
    return {"validation": drawn, "train": drawn}, where, remedy


def _seeded_tasks(id: str, options: Mapping[str, Any], seed: int) -> Tasks:
    """Tasks that differ by their seed alone."""
    text, rng, used = json.dumps(options), random.Random(f"{id}/{seed}"), set[int]()
    while True:
        number = rng.randrange(2**31)
        if number not in used:
            used.add(number)
            yield {"id": id, "kwargs": text, "seed": number}, ""


def _lake_tasks(options: Mapping[str, Any], seed: int) -> Tasks:
    """Maps, no two alike."""
    used = set[str]()
    for drawn, kind in frozen_lake.tasks(random.Random(f"lake/{seed}")):
        text = json.dumps({**drawn, **options})
        if text not in used:
            used.add(text)
            yield {"id": frozen_lake.ID, "kwargs": text, "seed": 0}, kind


def _game_tasks(id: str, options: Mapping[str, Any], folder: Path, seed: int) -> Tasks:
    files = sorted(file.resolve() for file in folder.rglob("*") if file.suffix in SUFFIXES)
    random.Random(f"games/{seed}").shuffle(files)
    for file in files:
        kind = alfworld.kind(file) if file.suffix == alfworld.SUFFIX else ""
        if kind is not None:
            yield {"id": id, "kwargs": json.dumps({**options, "game": str(file)}), "seed": 0}, kind


def _webshop_tasks(id: str, options: Mapping[str, Any], seed: int) -> dict[str, Tasks]:
    """WebShop's goals: the test's are the validation's."""
    train, test = webshop.goals({name: value for name, value in options.items() if name != "partial"})
    rng = random.Random(f"goals/{seed}")

    def drawn(goals: range) -> Tasks:
        for goal in rng.sample(goals, len(goals)):
            yield {"id": id, "kwargs": json.dumps({**options, "goal": goal}), "seed": 0}, ""

    return {"validation": drawn(test), "train": drawn(train)}
