"""The agents' quick start: FrozenLake maps, a teacher that walks shortest ways with wrong steps, a model's walks.

A wrong step is one to any side, and the teacher goes on from where it leads: so the model learns where to go from
everywhere, and to go wrong now and then, which leaves reinforcement learning something to sharpen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from dgpo.agents.envs import frozen_lake
from dgpo.agents.envs.frozen_lake import MOVES
from dgpo.errors import bounded
from dgpo.tasks.warm_start import Lessons, complete, sampling

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TEACHING_SEED = "lake/teacher"
"""Maps of lessons are none of those that `dgpo data env` draws, but for chance."""


class Walk:
    """An episode on a map, and its tokens as verl's agent loop has them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, rows: list[str]):
        self.tokenizer, self.rows, self.cell = tokenizer, rows, frozen_lake.find_tile(rows, "S")
        messages: Any = [
            {"role": "system", "content": frozen_lake.PROMPT},
            {"role": "user", "content": f"{' '.join(rows)}\n{frozen_lake.view_from(rows, self.cell)}"},
        ]
        ids: Any = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        self.ids, self.labels = list(ids), [-100] * len(ids)
        self.moves = 0

    @property
    def done(self) -> bool:
        return self.moves == frozen_lake.TURNS or frozen_lake.tile_at(self.rows, self.cell) in "GH"

    @property
    def arrived(self) -> bool:
        return frozen_lake.tile_at(self.rows, self.cell) == "G"

    def step(self, answer: str) -> None:
        """Take the step that an answer names, if it names one, and append the answer and the next observation."""
        tokens = [*self.tokenizer.encode(answer, add_special_tokens=False), self.tokenizer.eos_token_id]
        self.ids, self.labels = self.ids + tokens, self.labels + tokens
        self.moves += 1
        if answer in MOVES and frozen_lake.tile_at(self.rows, frozen_lake.neighbour(self.cell, answer)) != "#":
            self.cell = frozen_lake.neighbour(self.cell, answer)
        if not self.done:
            view = frozen_lake.view_from(self.rows, self.cell)
            text = f"\n<|im_start|>user\n{view}<|im_end|>\n<|im_start|>assistant\n"
            observation = self.tokenizer.encode(text, add_special_tokens=False)
            self.ids, self.labels = self.ids + observation, self.labels + [-100] * len(observation)


@dataclass(frozen=True, kw_only=True)
class LakeLessons(Lessons):
    """Walks of the teacher, of which a step is to any side with probability ``noise``."""

    steps: int = bounded(300, at_least=1)
    batch_size: int = bounded(32, at_least=1)
    noise: float = bounded(0.4, at_least=0, below=1)
    eval_problems: int = bounded(96, at_least=1)

    def examples(self, tokenizer: PreTrainedTokenizerBase) -> list[dict[str, list[int]]]:
        rng = random.Random(f"{TEACHING_SEED}/{self.seed}")
        examples = []
        for rows in islice(maps(rng), self.steps * self.batch_size):
            walk = Walk(tokenizer, rows)
            while not walk.done:
                way = frozen_lake.shortest_way(rows, walk.cell) or ""
                walk.step(rng.choice(list(MOVES)) if rng.random() < self.noise else way[0])
            examples.append({"input_ids": walk.ids, "labels": walk.labels})
        return examples

    def measure(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, greedy: bool) -> float:
        chosen = islice(maps(random.Random(f"lake/held-out/{self.seed}")), self.eval_problems)
        walks = [Walk(tokenizer, rows) for rows in chosen]
        with sampling(model, self.seed):
            while going := [walk for walk in walks if not walk.done]:
                texts = complete(model, tokenizer, [walk.ids for walk in going], 2, greedy=greedy)
                for walk, text in zip(going, texts, strict=True):
                    walk.step(text)
        return sum(walk.arrived for walk in walks) / len(walks)


def maps(rng: random.Random) -> Iterator[list[str]]:
    return (list(options["desc"]) for options, _ in frozen_lake.tasks(rng))
