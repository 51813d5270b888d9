"""The quick start's task: sums, worked digit by digit, with the answer boxed.

A worked answer adds the columns from the right, each with the carry of the one before; a column's sum has
two figures, its carry and its digit:

    345+678=?   ->   5+8+0=13
                     4+7+1=12
                     3+6+1=10
                     \\boxed{1023}

The noisy teacher gets each column wrong with a given probability and goes on from its mistake. A model that
imitates it knows how to add, and samples badly: that leaves reinforcement learning something to sharpen.

A problem belongs to a split by a hash of its operands, whatever the seed and the order of the operands, so a
model warmed up on training problems under one seed has not seen the held-out problems of any other.
"""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

from dgpo.errors import UserError
from dgpo.tasks.misconceptions import Misconceptions

DATA_SOURCE = "arithmetic"


@dataclass(frozen=True)
class Level:
    """How hard a problem is: `addends` numbers of exactly `digits` digits each."""

    digits: int
    addends: int

    @property
    def problems(self) -> int:
        """How many problems there are, the order of the operands apart."""
        return comb(9 * 10 ** (self.digits - 1) + self.addends - 1, self.addends)


LEVELS = {1: Level(2, 2), 2: Level(3, 2), 3: Level(4, 2), 4: Level(2, 3), 5: Level(3, 3)}
DEFAULT_LEVELS = (1, 2, 3)
SPLIT_PERCENT = {"train": 80, "validation": 10, "test": 10}


@dataclass(frozen=True)
class Problem:
    operands: tuple[int, ...]
    level: int

    @property
    def text(self) -> str:
        return f"{self.id}=?"

    @property
    def id(self) -> str:
        return "+".join(map(str, self.operands))

    @property
    def answer(self) -> str:
        return str(sum(self.operands))

    @property
    def key(self) -> tuple[int, ...]:
        """The same for every order of the operands."""
        return tuple(sorted(self.operands))

    @property
    def split(self) -> str:
        digest = hashlib.sha256("+".join(map(str, self.key)).encode()).digest()
        place = int.from_bytes(digest[:8], "big") % 100
        for name, percent in SPLIT_PERCENT.items():
            if place < percent:
                return name
            place -= percent
        raise ValueError(f"SPLIT_PERCENT={SPLIT_PERCENT} adds up to less than 100")


def problem_stream(split: str, levels: Sequence[int], seed: int) -> Iterator[Problem]:
    """Endless problems of one split, the levels in turn; a problem may come again.

    Raises UserError on an unknown split or level.
    """
    if split not in SPLIT_PERCENT:
        raise UserError(f"split={split!r} is unknown; use one of {', '.join(SPLIT_PERCENT)}")
    unknown = [level for level in levels if level not in LEVELS]
    if unknown or not levels:
        raise UserError(f"levels={list(levels)}: use one or more of {', '.join(map(str, LEVELS))}")
    return _draw(split, levels, random.Random(f"arithmetic/{split}/{seed}"))


def _draw(split: str, levels: Sequence[int], rng: random.Random) -> Iterator[Problem]:
    while True:
        for level in levels:
            low, high = 10 ** (LEVELS[level].digits - 1), 10 ** LEVELS[level].digits
            while True:
                problem = Problem(tuple(rng.randrange(low, high) for _ in range(LEVELS[level].addends)), level)
                if problem.split == split:
                    break
            yield problem


def distinct_problems(split: str, count: int, *, levels: Sequence[int] = DEFAULT_LEVELS, seed: int) -> list[Problem]:
    """`count` problems of one split, no two alike, the levels in turn.

    Raises UserError where `count` is not positive, or asks for more than half of the problems that a level
    has in this split (drawing the last ones of a small level at random would take for ever).
    """
    if count < 1:
        raise UserError(f"{split}={count}: ask for at least 1 problem")
    if len(set(levels)) < len(levels):
        raise UserError(f"levels={list(levels)}: name each level once")
    stream = problem_stream(split, levels, seed)
    counts = {level: len(range(place, count, len(levels))) for place, level in enumerate(levels)}
    for level, share in counts.items():
        most = LEVELS[level].problems * SPLIT_PERCENT[split] // 200
        if share > most:
            raise UserError(
                f"{split}={count} needs {share} of level {level}, which offers {most} to this split; "
                f"ask for at most {most * len(levels)}, or for other levels"
            )
    by_level: dict[int, dict[tuple[int, ...], Problem]] = {level: {} for level in levels}
    while any(len(by_level[level]) < counts[level] for level in levels):
        problem = next(stream)
        if len(by_level[problem.level]) < counts[problem.level]:
            by_level[problem.level].setdefault(problem.key, problem)
    columns = [list(by_level[level].values()) for level in levels]
    return [columns[place % len(levels)][place // len(levels)] for place in range(count)]


def worked_answer(
    problem: Problem,
    *,
    noise: float = 0.0,
    rng: random.Random | None = None,
    misconceptions: Misconceptions | None = None,
) -> str:
    """The columns from the right, one a line, then the boxed answer; 29 to 50 characters at levels 1 to 3.

    With probability `noise` a column's sum is replaced by another value that such a column could have; its
    digit and its carry are then used as if they were right, so the boxed answer agrees with the steps above
    it. The same goes for the `misconceptions` about two digits, which no noise comes on top of.

    Raises ValueError where `noise`, in [0, 1), is positive or there are `misconceptions` without an `rng`.
    """
    if (noise or misconceptions) and rng is None:
        raise ValueError(f"noise={noise} needs rng, as misconceptions do: give a seeded random.Random")
    lines, answer, carry, power = [], 0, 0, 1
    while power <= max(problem.operands):
        digits = [operand // power % 10 for operand in problem.operands]
        total = sum(digits) + carry
        if rng is not None:
            total = mistaken(total, digits, noise, rng, misconceptions)
        lines.append("+".join(map(str, [*digits, carry])) + f"={total:02}")
        answer += total % 10 * power
        carry, power = total // 10, power * 10
    return "\n".join([*lines, f"\\boxed{{{answer + carry * power}}}"])


def mistaken(
    total: int, digits: Sequence[int], noise: float, rng: random.Random, misconceptions: Misconceptions | None
) -> int:
    """What the teacher writes for the sum `total` of a column."""
    if misconceptions is not None:
        if rng.random() < misconceptions.forgotten:
            total %= 10
        if shift := misconceptions.added.get("+".join(map(str, sorted(digits)))):
            return total if rng.random() < misconceptions.right else total - total % 10 + (total + shift) % 10
    if rng.random() < noise:
        values = 10 * len(digits)  # those that such a column could have
        total = (total + rng.randrange(1, values)) % values
    return total


def boxed_answer(text: str) -> str | None:
    """The last boxed whole number of a text, or None."""
    answers = re.findall(r"\\boxed\{(\d+)\}", text)
    return answers[-1] if answers else None
