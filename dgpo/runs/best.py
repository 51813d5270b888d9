"""The best checkpoint of a run: the one whose step had the highest validation score."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dgpo.runs.checkpoints import Checkpoint, find
from dgpo.runs.folder import RunFolder, history

# verl's mean accuracy of one data source: val-core/aime24/acc/mean@16.
SCORE = re.compile(r"val-core/(?P<source>.+)/acc/mean@\d+")


def validation_score(metrics: Mapping[str, Any]) -> float | None:
    """Mean over data sources of their mean accuracy, in [0, 1]; None for a step that was not validated."""
    scores = [value for key, value in metrics.items() if SCORE.fullmatch(key)]
    return sum(scores) / len(scores) if scores else None


def best_step(folder: RunFolder, steps: Collection[int]) -> tuple[int, float] | None:
    """The step of ``steps`` with the highest validation score, the earliest of equals, and that score."""
    scores = {step: validation_score(metrics) for step, metrics in history(folder).items() if step in steps}
    known = {step: score for step, score in scores.items() if score is not None}
    return max(known.items(), key=lambda item: (item[1], -item[0]), default=None)


def best_checkpoint(run: str | Path, directory: Path | None = None) -> tuple[Checkpoint, float] | None:
    """The complete checkpoint with the best score of a run folder, and its score; None where none was validated.

    Args:
        run: the run folder.
        directory: of its checkpoints, where they lie elsewhere.
    """
    folder = RunFolder(run)
    complete = {
        checkpoint.step: checkpoint for checkpoint in find(directory or folder.checkpoints) if checkpoint.complete
    }
    best = best_step(folder, complete)
    return None if best is None else (complete[best[0]], best[1])
