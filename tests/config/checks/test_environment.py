"""The machine and the run folder are looked at before a run."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.config.checks.conftest import Problems

LOCAL = "it would be the name of a local folder"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{}/file/run", "{}/file is not a writable folder"),
        ("{}/other", "{}/other/checkpoints is not a writable folder"),
        ("{}/run/checkpoints", "to go on give {}/run"),
        ("{}/run/checkpoints/global_step_2", "to go on give {}/run"),
        ("$SCRATCH/run", f"error: run.dir=$SCRATCH/run: {LOCAL}"),
        ("s3://bucket/run", f"error: run.dir=s3://bucket/run: {LOCAL}"),
        ("{files}/model", "run.dir={files}/model: it is the folder of a model or of the prompts"),
        ("{files}/data", "run.dir={files}/data: it is the folder of a model or of the prompts"),
    ],
)
def test_a_folder_that_is_none_for_a_run_is_refused(
    problems: Problems, files: Path, tmp_path: Path, given: str, says: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "run/checkpoints/global_step_2").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/checkpoints").symlink_to(tmp_path / "gone")
    given, says = (text.replace("{}", str(tmp_path)).replace("{files}", str(files)) for text in (given, says))
    (problem,) = problems(f"run.dir={given}")
    assert problem.startswith("error: ") and says in problem


@pytest.mark.parametrize("name", ["a b", "läufe", "a" * 40])
def test_a_folder_of_temporary_files_that_ray_or_a_compiler_cannot_use_is_refused(
    problems: Problems, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    (problem,) = problems()
    assert problem.startswith(f"error: TMPDIR={tmp_path}/{name}: ") and problem.endswith("TMPDIR=/tmp")


def test_gpus_need_a_compiler(problems: Problems, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert any("g++" in problem for problem in problems("trainer.device=cuda"))
    assert problems() == []


@pytest.mark.skipif(find_spec("flash_attn") is not None, reason="flash-attn is installed")
def test_flash_attn_is_missed_where_attention_or_packing_need_it(problems: Problems) -> None:
    def missed(*more: str) -> list[str]:
        return [each for each in problems("trainer.device=cuda", *more) if "flash_attn" in each]

    packing = "actor_rollout_ref.model.use_remove_padding"
    attention = "actor_rollout_ref.model.override_config.attn_implementation"
    assert f"{packing}=True" in missed(f"{packing}=true")[0]
    assert f"{attention}=flash_attention_2" in missed(f"{attention}=flash_attention_2")[0]
    assert missed(f"{attention}=sdpa", f"{packing}=false") == []


def test_gpus_that_are_not_there_are_refused(problems: Problems) -> None:
    found = problems("trainer.device=cuda", "trainer.n_gpus_per_node=8")
    assert any("CUDA devices" in problem and "hardware=cpu" in problem for problem in found)
