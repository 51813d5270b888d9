import json
from pathlib import Path

import pytest

from dgpo.runs.checkpoints import MANIFEST, best_checkpoint, find, latest_complete, prune, set_aside, write_manifest


def make(directory: Path, step: int, *, whole: bool = True) -> Path:
    path = directory / f"global_step_{step}"
    (path / "actor").mkdir(parents=True)
    (path / "actor" / "model.pt").write_bytes(b"m" * 100)
    (path / "data.pt").write_bytes(b"d" * 10)
    (path / "actor" / "adapter.safetensors").write_bytes(bytes(100))  # weights may be zero
    if whole:
        write_manifest(path, step=step)
    return path


def test_a_checkpoint_counts_once_its_manifest_exists(tmp_path: Path) -> None:
    make(tmp_path, 10)
    make(tmp_path, 20, whole=False)
    chosen, skipped = latest_complete(tmp_path)
    assert chosen is not None and chosen.step == 10
    assert [(each.step, each.defect) for each in skipped] == [
        (20, "it has no manifest: the run ended while saving it, or was not one of dgpo")
    ]


@pytest.mark.parametrize(
    ("damage", "defect"),
    [
        (lambda path: (path / "actor/model.pt").write_bytes(b"m" * 99), "actor/model.pt has 99 bytes instead of 100"),
        (lambda path: (path / "actor/model.pt").write_bytes(bytes(100)), "actor/model.pt ends in zeros"),
        (lambda path: (path / "data.pt").unlink(), "data.pt is missing"),
        (lambda path: (path / MANIFEST).write_text("{"), "its manifest cannot be read"),
        (lambda path: (path / MANIFEST).write_text('{"files": [1]}'), "its manifest cannot be read"),
        (lambda path: path.rename(path.with_name("global_step_9")), "another step than its manifest, 2"),
    ],
)
def test_a_damaged_checkpoint_is_skipped_and_the_one_before_is_used(tmp_path: Path, damage, defect: str) -> None:
    make(tmp_path, 1)
    damage(make(tmp_path, 2))
    chosen, skipped = latest_complete(tmp_path)
    assert chosen is not None and chosen.step == 1
    assert defect in str(skipped[0].defect)


def test_without_a_complete_checkpoint_there_is_none(tmp_path: Path) -> None:
    make(tmp_path, 5, whole=False)
    assert latest_complete(tmp_path)[0] is None
    assert prune(tmp_path, keep=1) == [] and len(find(tmp_path)) == 1
    assert latest_complete(tmp_path / "missing") == (None, [])


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        make(tmp_path, step)
    (tmp_path / "global_step_old").mkdir()
    assert [checkpoint.step for checkpoint in find(tmp_path)] == [100, 10, 9]


def test_pruning_keeps_the_newest_complete_ones_and_what_may_be_being_written(tmp_path: Path) -> None:
    for step in (1, 2, 4):
        make(tmp_path, step)
    make(tmp_path, 3, whole=False)
    make(tmp_path, 5, whole=False)
    assert sorted(checkpoint.step for checkpoint in prune(tmp_path, keep=2)) == [1, 3]
    assert [checkpoint.step for checkpoint in find(tmp_path)] == [5, 4, 2]


def test_checkpoints_after_the_start_of_a_run_are_set_aside_and_not_mixed_with_its_own(tmp_path: Path) -> None:
    directory, place = tmp_path / "checkpoints", tmp_path / "superseded/002"
    for step in (100, 120, 140):
        make(directory, step)
    defective = make(directory, 160)
    (defective / "data.pt").unlink()
    assert [checkpoint.step for checkpoint in set_aside(directory, 100, place)] == [140, 120]
    assert [checkpoint.step for checkpoint in find(place) if checkpoint.complete] == [140, 120]
    make(directory, 110)
    assert latest_complete(directory)[0] == find(directory)[1] and not (defective / MANIFEST).exists()
    assert [checkpoint.step for checkpoint in prune(directory, keep=1)] == [100]


def run_folder(path: Path, scores: dict[int, float | None], saved: list[int]) -> Path:
    """A run whose metrics hold the ``scores`` of its steps, and checkpoints of the ``saved`` ones."""
    (path / "metrics").mkdir(parents=True)
    with (path / "metrics" / "001.jsonl").open("w") as stream:
        for step, score in scores.items():
            validation = {} if score is None else {"val-core/aime24/acc/mean@16": score}
            stream.write(json.dumps({"step": step, "data": {"actor/grad_norm": 1.0, **validation}}) + "\n")
    for step in saved:
        make(path / "checkpoints", step)
    return path


def test_the_best_of_the_saved_and_validated_steps_is_taken(tmp_path: Path) -> None:
    scores = {0: 0.9, 10: 0.2, 20: 0.5, 25: 0.8, 30: 0.5, 40: None}
    run = run_folder(tmp_path, scores, [10, 20, 30, 40])
    found = best_checkpoint(run)
    assert found is not None and (found[0].step, found[1]) == (20, 0.5)  # 25 was not saved, 30 is equal but later
    (run / "checkpoints/global_step_20/actor/model.pt").write_text("cut")
    found = best_checkpoint(run)
    assert found is not None and found[0].step == 30


def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    run = run_folder(tmp_path, {10: 0.2, 20: 0.5, 30: 0.4}, [10, 20, 30, 40])
    best = best_checkpoint(run)
    assert best is not None
    deleted = prune(run / "checkpoints", 1, also=[best[0].step])
    assert [checkpoint.step for checkpoint in deleted] == [30, 10]
    assert [checkpoint.step for checkpoint in find(run / "checkpoints")] == [40, 20]
