import json
from pathlib import Path

import pytest

from dgpo.runs.best import best_checkpoint, validation_score
from dgpo.runs.checkpoints import find, prune, write_manifest
from dgpo.runs.export import ExportError, find_checkpoint
from dgpo.training.step_lines import step_line


def run_folder(path: Path, scores: dict[int, float | None], saved: list[int]) -> Path:
    """A run whose metrics hold the ``scores`` of its steps, and checkpoints of the ``saved`` ones."""
    (path / "metrics").mkdir(parents=True)
    with (path / "metrics" / "001.jsonl").open("w") as stream:
        for step, score in scores.items():
            validation = {} if score is None else {"val-core/aime24/acc/mean@16": score}
            stream.write(json.dumps({"step": step, "data": {"actor/grad_norm": 1.0, **validation}}) + "\n")
    for step in saved:
        folder = path / "checkpoints" / f"global_step_{step}" / "actor"
        folder.mkdir(parents=True)
        (folder / "model.pt").write_text("weights")
        write_manifest(folder.parent)
    return path


def test_the_score_is_the_mean_over_data_sources() -> None:
    metrics = {
        "val-core/aime24/acc/mean@16": 0.25,
        "val-core/aime25/acc/mean@16": 0.75,
        "val-core/aime24/acc/best@16/mean": 1.0,
        "val-aux/aime24/score/mean@16": 1.0,
    }
    assert validation_score(metrics) == 0.5
    assert validation_score({"actor/grad_norm": 1.0}) is None


def test_the_step_s_row_shows_the_score_that_the_best_is_chosen_by() -> None:
    metrics = {"val-core/aime24/acc/mean@16": 0.25, "val-core/aime24/acc/mean@16/low": 0.75}
    assert "0.250" in step_line(20, 100, metrics, None) and validation_score(metrics) == 0.25


def test_the_best_of_the_saved_and_validated_steps_is_taken(tmp_path: Path) -> None:
    scores = {0: 0.9, 10: 0.2, 20: 0.5, 25: 0.8, 30: 0.5, 40: None}
    run = run_folder(tmp_path, scores, [10, 20, 30, 40])
    found = best_checkpoint(run)
    assert found is not None and (found[0].step, found[1]) == (20, 0.5)  # 25 was not saved, 30 is equal but later


def test_an_incomplete_checkpoint_is_not_the_best(tmp_path: Path) -> None:
    run = run_folder(tmp_path, {10: 0.2, 20: 0.5}, [10, 20])
    (run / "checkpoints" / "global_step_20" / "actor" / "model.pt").write_text("cut")
    found = best_checkpoint(run)
    assert found is not None and found[0].step == 10


def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    run = run_folder(tmp_path, {10: 0.2, 20: 0.5, 30: 0.4}, [10, 20, 30, 40])
    best = best_checkpoint(run)
    assert best is not None
    deleted = prune(run / "checkpoints", 1, also=[best[0].step])
    assert [checkpoint.step for checkpoint in deleted] == [30, 10]
    assert [checkpoint.step for checkpoint in find(run / "checkpoints")] == [40, 20]


def test_export_takes_the_best_where_it_is_asked_to(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", {10: 0.5, 20: 0.2}, [10, 20])
    assert find_checkpoint(run, best=True).name == "global_step_10"
    assert find_checkpoint(run).name == "global_step_20"
    never = run_folder(tmp_path / "never", {10: None}, [10])
    with pytest.raises(ExportError, match="leave out --best"):
        find_checkpoint(never, best=True)
