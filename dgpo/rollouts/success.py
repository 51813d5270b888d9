"""How often a prompt was answered rightly, over a run, and how uncertain that leaves it."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgpo.errors import loading
from dgpo.files import replace_json

COUNTS = "success_counts.json"
"""The file of a checkpoint that holds `SuccessCounts`."""


def success_sigma(successes: float, rollouts: float) -> float | None:
    """Estimated standard deviation of one verdict: σ² = k(G − k) / (G(G − 1)), without bias for p(1 − p).

    Of G ``rollouts`` k are ``successes``, not whole where older answers count less. None with fewer than two answers.
    arXiv:2602.19208 allocates by σ; the authors' release takes σ² in its place.

    Raises:
        ValueError: not 0 <= k <= G.
    """
    if not 0 <= successes <= rollouts < math.inf:
        raise ValueError(f"successes={successes} must be in [0, rollouts={rollouts}]")
    if rollouts < 2:
        return None
    return math.sqrt(successes * (rollouts - successes) / (rollouts * (rollouts - 1)))


def prompt_key(data_source: Any, prompt: Any, ground_truth: Any) -> str:
    """The name of a prompt by its content: 32 hex digits. Positions in files repeat where files are joined."""
    content = json.dumps([data_source, prompt, ground_truth], sort_keys=True, default=_plain)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """What arrow and numpy have in place of lists and numbers."""
    return value.tolist() if hasattr(value, "tolist") else repr(value)


class SuccessCounts:
    """Right answers and answers of each prompt, by `prompt_key`.

    Args:
        forget: what a prompt's older answers still count, when newer ones come: 1 for all of a run alike, as in the
            authors' release; less where the policy moves on.
    """

    def __init__(self, forget: float = 1.0):
        self.forget = forget
        self._counts: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def observe(self, key: str, successes: float, rollouts: float) -> None:
        """Add one step's answers to a prompt, all together."""
        old_successes, old_rollouts = self._counts.get(key, (0.0, 0.0))
        self._counts[key] = (self.forget * old_successes + successes, self.forget * old_rollouts + rollouts)

    def sigma(self, key: str, mastery: float | None = None) -> float | None:
        """`success_sigma` of a prompt; 0 where its share of right answers is ``mastery`` or more."""
        successes, rollouts = self._counts.get(key, (0.0, 0.0))
        sigma = success_sigma(successes, rollouts)
        if sigma is not None and mastery is not None and successes >= mastery * rollouts:
            return 0.0
        return sigma

    def save(self, file: Path) -> None:
        replace_json(file, self._counts)

    def load(self, file: Path) -> None:
        """Take the counts of ``file``, which `save` wrote; UserError where it is no such file."""
        remedy = "restore it, or delete it and its line in manifest.json, to begin with uniform rollouts"
        with loading("success counts", str(file), remedy):
            counts: Mapping[str, Any] = json.loads(file.read_text())
            self._counts = {key: (float(successes), float(rollouts)) for key, (successes, rollouts) in counts.items()}
