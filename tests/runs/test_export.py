import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.runs.checkpoints import write_manifest
from dgpo.runs.export import export, find_checkpoint

TrainTo = Callable[[Path, int, float], None]


def make(directory: Path, step: int, *, whole: bool = True) -> Path:
    path = directory / f"global_step_{step}"
    path.mkdir(parents=True)
    if whole:
        write_manifest(path)
    return path


def test_it_takes_a_run_folder_or_a_checkpoint_and_refuses_a_partial_one(tmp_path: Path) -> None:
    whole = make(tmp_path / "checkpoints", 1)
    partial = make(tmp_path / "checkpoints", 2, whole=False)
    assert find_checkpoint(tmp_path) == find_checkpoint(tmp_path / "checkpoints") == find_checkpoint(whole) == whole
    with pytest.raises(UserError, match="no manifest"):
        find_checkpoint(partial)
    with pytest.raises(UserError, match="no complete checkpoint"):
        find_checkpoint(tmp_path / "elsewhere")


def test_it_never_overwrites_and_needs_shards(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"--out=.*exists"):
        export(make(tmp_path, 1), tmp_path / "out")
    with pytest.raises(UserError, match=r"it has no actor/fsdp_config\.json"):
        export(make(tmp_path, 2), tmp_path / "new")


def test_the_best_has_a_place_in_the_run_and_is_exported_again_when_it_changes(
    train_to: TrainTo, tmp_path: Path
) -> None:
    run = tmp_path / "a run"

    def export_best() -> int:  # when it was written: a removed file's inode is given away again
        assert main(["export", str(run), "--best"]) == 0
        assert (run / "best/model.safetensors").is_file()
        return (run / "best/model.safetensors").stat().st_mtime_ns

    train_to(run, 10, 0.5)
    train_to(run, 20, 0.4)
    first = export_best()
    assert os.readlink(run / "best") == "best-10" and export_best() == first
    train_to(run, 30, 0.6)
    second = export_best()
    assert os.readlink(run / "best") == "best-30" and (run / "best-10").is_dir()
    # Started afresh, the run has other weights at that step.
    write_manifest(run / "checkpoints/global_step_30")
    assert export_best() != second
    assert main(["export", str(run), "--best", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/model.safetensors").is_file()


def test_damaged_shards_of_the_right_size_are_refused(
    train_to: TrainTo, tmp_path: Path, refused: Callable[..., str]
) -> None:
    train_to(tmp_path, 10, 0.5)
    (shard,) = tmp_path.glob("checkpoints/*/actor/model_world_size_*")
    size, end = shard.stat().st_size, shard.read_bytes()[-64:]
    shard.write_bytes(bytes(size - 64) + end)
    assert "10: no model of its shards can be loaded" in refused("export", tmp_path, "--out", tmp_path / "out")
    shard.write_bytes(bytes(size))
    said = "no complete checkpoint (global_step_10: actor/model_world_size_1_rank_0.pt ends in"
    assert said in refused("export", tmp_path, "--out", tmp_path / "out") and not (tmp_path / "out").exists()


CHANGES: dict[str, tuple[Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], str]] = {
    "too few": (lambda all: {name: all[name] for name in [*all][:-2]}, "its files lack weights, 2 in all"),
    "diverged": (lambda all: {name: all[name] * float("nan") for name in all}, "are no finite numbers"),
    "another shape": (lambda all: {name: all[name].repeat(2, *[1] * (all[name].dim() - 1)) for name in all}, "shape"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_weights_that_make_no_whole_model_are_not_exported(
    kind: str, train_to: TrainTo, tmp_path: Path, refused: Callable[..., str]
) -> None:
    train_to(tmp_path, 10, 0.5)
    change, message = CHANGES[kind]
    (shard,) = tmp_path.glob("checkpoints/*/actor/model_world_size_*")
    torch.save(change(torch.load(shard, weights_only=True)), shard)
    write_manifest(tmp_path / "checkpoints/global_step_10")
    said = refused("export", tmp_path, "--out", tmp_path / "out")
    assert "global_step_10: of the model that it makes: " in said and message in said
    assert not (tmp_path / "out").exists()


def test_what_lies_in_the_place_of_the_best_stays(
    train_to: TrainTo, tmp_path: Path, refused: Callable[..., str]
) -> None:
    train_to(tmp_path, 10, 0.5)
    (tmp_path / "best").mkdir()
    assert "it is no link to an export" in refused("export", tmp_path, "--best")
    assert not (tmp_path / "best").is_symlink() and not (tmp_path / "best-10").exists()


def test_a_checkpoint_that_holds_the_whole_model_is_exported_from_it(
    train_to: TrainTo, untrained: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    train_to(tmp_path, 10, 0.5)
    checkpoint = tmp_path / "checkpoints/global_step_10"
    (checkpoint / "actor/model_world_size_1_rank_0.pt").unlink()
    shutil.copy(untrained / "model.safetensors", checkpoint / "actor/huggingface")
    write_manifest(checkpoint)
    before = os.umask(0o027)
    try:
        export(checkpoint, tmp_path / "out")
    finally:
        os.umask(before)
    saved, exported = load_file(untrained / "model.safetensors"), load_file(tmp_path / "out/model.safetensors")
    assert saved.keys() == exported.keys()
    assert all(torch.equal(exported[name], saved[name].to(torch.bfloat16)) for name in saved)
    assert (tmp_path / "out/tokenizer.json").is_file()
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "out").iterdir()} == {0o640}


def test_the_best_by_score_is_named_so(train_to: TrainTo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_to(tmp_path, 10, 0.5)
    metrics = tmp_path / "metrics/001.jsonl"
    metrics.write_text(metrics.read_text().replace("/acc/mean", "/reward/mean"))
    assert find_checkpoint(tmp_path, best=True).name == "global_step_10"
    assert "best score of the validations, 0.500 (the reward function gives no acc)" in capsys.readouterr().out
