"""What a run trains on: its files as tokens, the batch of each step, and each rank's part of it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.unlearning import data
from dgpo.unlearning.data import Encoder, Example, Row, rows_of_step
from dgpo.unlearning.losses import ALTERNATIVE, RETAIN, Counts, Method
from dgpo.unlearning.palu import ORDINARY
from dgpo.unlearning.settings import Settings


@dataclass(frozen=True)
class Examples:
    """What a run trains on: forget examples, each in front of its alternatives, and retain examples."""

    forget: list[list[Example]]
    retain: list[Example]

    def __post_init__(self) -> None:
        for number, example in enumerate(chain(*self.forget, self.retain)):
            example.number = number

    def referenced(self, method: Method) -> list[Example]:
        """The examples that are compared with the model before: representations on retain rows too. Forget rows are
        the first, so that each is at its number."""
        return [*chain(*self.forget), *(self.retain if method.representation is not None else ())]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all of them."""
        groups = [[[each.ids, each.classes] for each in group] for group in [*self.forget, self.retain]]
        return sha256(json.dumps(groups).encode()).hexdigest()


def examples_of(settings: Settings, method: Method, tokenizer: Any) -> Examples:
    """Rows of the files as tokens.

    Raises:
        UserError: a file is missing, a row is not as it must be, or a retain row is a forget row.
    """
    reads = {"forget": method.classes, "retain": method.retain_weight, "alternatives": method.needs_alternatives}
    for key, read in reads.items():
        path = getattr(settings.data, key)
        if read and path and not Path(path).is_file():
            raise UserError(f"data.{key}={path}: there is no such file; give one, or make it (docs/unlearning.md)")
    encoder = Encoder(tokenizer, settings.data.template, settings.data.max_length)
    forget: list[Row] = []
    if method.classes and settings.data.forget:
        forget = data.read(
            Path(settings.data.forget),
            needs_spans=method.needs_spans,
            without_spans=settings.data.without_spans,  # pyright: ignore[reportArgumentType]
            inside_words=settings.data.inside_words,
        )
    retain = data.read(Path(settings.data.retain)) if method.retain_weight and settings.data.retain else []
    data.refuse_shared(forget, retain)
    first_n = getattr(method, "first_n", None)
    others = alternatives_of(settings, forget) if method.needs_alternatives else [[] for _ in forget]
    groups = []
    for row, texts in zip(forget, others, strict=True):
        kind = None if method.needs_spans else ORDINARY
        for example in encoder.example(row, first_n, kind):
            groups.append([example, *(encoder.example(other, kind=ALTERNATIVE)[0] for other in texts)])
    return Examples(groups, encoder.examples(retain, kind=RETAIN))


def alternatives_of(settings: Settings, forget: Sequence[Row]) -> list[list[Row]]:
    """For each row the answers to give instead: its own, or those of data.alternatives; UserError without any."""
    shared: list[str] = []
    if path := settings.data.alternatives:
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"data.alternatives={path}: it cannot be read ({error}); save it as UTF-8, an answer a line"
            ) from error
        shared = [line for line in lines if line.strip()]
    alternatives = []
    for row in forget:
        texts = [row.alternative] if row.alternative else shared
        if not texts or not row.prompt:
            raise UserError(
                f'{row.place}: there is nothing to answer instead; give the row a question and an "alternative", or '
                "data.alternatives=FILE with a line for each"
            )
        alternatives.append([Row(row.prompt, text, (), "", row.place) for text in texts])
    return alternatives


def batch_of(settings: Settings, method: Method, examples: Examples, step: int) -> list[Example]:
    """The whole batch of a step, counted from 0; an example and its alternative are neighbours."""
    size, seed = settings.train.batch_size, settings.seed
    batch = []
    for answer, number in enumerate(rows_of_step(len(examples.forget), size, step, seed)):
        example, *others = examples.forget[number]
        batch.append(replace(example, answer=answer))
        if method.needs_alternatives:
            batch.append(replace(others[(step + answer) % len(others)], answer=answer))
    retain = rows_of_step(len(examples.retain), size, step, seed + 1)
    return batch + [examples.retain[number] for number in retain]


def counts_of(batch: Sequence[Example]) -> Counts:
    tokens = Counter(kind for each in batch for kind in each.classes)
    return Counts(tokens, len({each.answer for each in batch if each.answer >= 0}))


def share_of_rank(batch: Sequence[Example], rank: int, ranks: int, group: int) -> list[Example]:
    """A rank's part of a batch, ``group`` neighbours together."""
    return [each for start in range(rank * group, len(batch), ranks * group) for each in batch[start : start + group]]
