"""Facts that a teacher of sums has learned wrongly, so that a policy must find the right ones by sampling rare tokens.

For some pairs of digits the teacher writes one fixed wrong digit, and the right one rarely; and it forgets carries. On
such a task policy losses differ (docs/evidence.md): half of the problems are beyond 64 samples of the model at first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.errors import bounded, check_fields, loading
from dgpo.files import replace_json

WRONG = 15
"""Of the 55 pairs of digits, how many are learned wrongly."""
RIGHT = 0.05
FORGOTTEN = 0.3


def believed(seed: int) -> np.ndarray:
    """What the teacher of this seed adds to the digit of each pair, mod 10; `(10, 10)`, symmetric, zero where right."""
    rng = np.random.default_rng([seed, 1])
    wrong = np.zeros((10, 10), dtype=np.int64)
    pairs = np.stack(np.triu_indices(10), 1)
    first, second = rng.permutation(pairs)[:WRONG].T
    wrong[first, second] = wrong[second, first] = rng.integers(1, 10, WRONG)
    return wrong


@dataclass(frozen=True)
class Misconceptions:
    """A teacher's, as a file keeps them.

    Attributes:
        added: to the digit of the sum of two digits, by "3+5": from 1 to 9, mod 10.
        right: probability that it writes the right digit all the same.
        forgotten: probability that it forgets a carry.
    """

    added: Mapping[str, int]
    right: float = bounded(RIGHT, at_least=0, at_most=1)
    forgotten: float = bounded(FORGOTTEN, at_least=0, at_most=1)

    def __post_init__(self) -> None:
        for pair, shift in self.added.items():
            digits = pair.split("+")
            sound = len(digits) == 2 and all(digit.isdecimal() and len(digit) == 1 for digit in digits)
            if not sound or shift not in range(1, 10):
                raise ValueError(f'added: {pair!r}: {shift!r} must be such as "3+5": 4, from 1 to 9')
        check_fields(self)


def write(path: Path, seed: int) -> Path:
    """Write the misconceptions of a seed to `path`."""
    wrong = believed(seed)
    added = {f"{a}+{b}": int(wrong[a, b]) for a in range(10) for b in range(a, 10) if wrong[a, b]}
    replace_json(path, asdict(Misconceptions(added)))
    return path


def read(path: Path) -> Misconceptions:
    """The misconceptions in a file; UserError where it cannot be read, or holds something else."""
    with loading("misconceptions", f"misconceptions={path}", "make them by `dgpo data arithmetic --misconceptions`"):
        content: Any = json.loads(path.read_text())
        return Misconceptions(**content)
