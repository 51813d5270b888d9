"""Rows that name an environment's tasks: `data/schema.py`'s, with `Task` in ``extra_info.env`` and a system message."""

import json
import random
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from dgpo.agents.environment import Task, make
from dgpo.agents.envs import frozen_lake, text_games
from dgpo.agents.settings import AgentSettings
from dgpo.data.schema import PromptRow, write_parquet
from dgpo.errors import UserError
from dgpo.files import make_folder

PROMPT = "You are an agent in an environment. Think, then give your next action as <action>...</action>."


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
        games: folder of files, each of which is a task, as the option ``game``.
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
    lake = id == frozen_lake.ID
    if games is not None:
        drawn = _of_files(id, options, games, seed, tasks + validation)
    else:
        drawn = _lake_tasks(options, seed) if lake else _seeded(id, options, seed)
    prompt = prompt or (frozen_lake.PROMPT if lake else PROMPT)
    rows = [
        task_row(task, kind=kind, prompt=prompt, index=index)
        for index, (task, kind) in enumerate(islice(drawn, tasks + validation))
    ]
    first: Any = rows[0]["extra_info"]["env"]
    make(first, AgentSettings()).close()  # what cannot be made is refused here
    make_folder(out, "out")
    splits = {"validation": rows[:validation], "train": rows[validation:]}
    for split, part in splits.items():
        for row in part:
            row["extra_info"]["split"] = split
    return [write_parquet(splits[split], out / f"{split}.parquet") for split in ("train", "validation")]


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


def _seeded(id: str, options: Mapping[str, Any], seed: int) -> Iterator[tuple[Task, str]]:
    """Tasks that differ by their seed alone."""
    text, rng, used = json.dumps(options), random.Random(f"{id}/{seed}"), set[int]()
    while True:
        number = rng.randrange(2**31)
        if number not in used:
            used.add(number)
            yield {"id": id, "kwargs": text, "seed": number}, ""


def _lake_tasks(options: Mapping[str, Any], seed: int) -> Iterator[tuple[Task, str]]:
    """Maps, no two alike."""
    used = set[str]()
    for drawn, kind in frozen_lake.tasks(random.Random(f"lake/{seed}")):
        text = json.dumps({**drawn, **options})
        if text not in used:
            used.add(text)
            yield {"id": frozen_lake.ID, "kwargs": text, "seed": 0}, kind


def _of_files(id: str, options: Mapping[str, Any], folder: Path, seed: int, count: int) -> Iterator[tuple[Task, str]]:
    """Tasks that are files: those of TextWorld, drawn by the seed."""
    files = sorted(file.resolve() for file in folder.rglob("*") if file.suffix in text_games.SUFFIXES)
    if len(files) < count:
        raise UserError(
            f"games={folder}: {len(files)} games ({', '.join(text_games.SUFFIXES)}) are there, and --tasks and "
            f"--validation ask for {count}; make more with tw-make, or ask for fewer"
        )
    random.Random(f"games/{seed}").shuffle(files)
    return (({"id": id, "kwargs": json.dumps({**options, "game": str(file)}), "seed": 0}, "") for file in files)
