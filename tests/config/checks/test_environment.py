"""The machine and the run folder are looked at before a run."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest


def test_a_run_folder_that_is_a_file_is_refused(problems: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/checkpoints").symlink_to(tmp_path / "gone")
    for run, place in (("file/run", "file"), ("other", "other/checkpoints")):
        (problem,) = problems(f"run.dir={tmp_path}/{run}")
        assert f"{tmp_path}/{place} is not a writable folder" in problem


@pytest.mark.parametrize("name", ["a b", "läufe", "a" * 40])
def test_a_folder_of_temporary_files_that_ray_or_a_compiler_cannot_use_is_refused(
    problems: Callable[..., list[str]], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    (problem,) = problems()
    assert problem.startswith(f"error: TMPDIR={tmp_path}/{name}: ") and problem.endswith("TMPDIR=/tmp")


@pytest.mark.parametrize("within", ["", "/global_step_2"])
def test_the_checkpoints_of_a_run_are_no_run_folder(
    problems: Callable[..., list[str]], tmp_path: Path, within: str
) -> None:
    (tmp_path / "run/checkpoints/global_step_2").mkdir(parents=True)
    (problem,) = problems(f"run.dir={tmp_path}/run/checkpoints{within}")
    assert problem.startswith("error: run.dir") and problem.endswith(f"to go on give {tmp_path}/run")


def test_a_run_folder_named_after_a_shell_variable_or_an_address_is_refused(problems: Callable[..., list[str]]) -> None:
    for given in ("$SCRATCH/run", "s3://bucket/run"):
        (problem,) = problems(f"run.dir={given}")
        assert problem.startswith(f"error: run.dir={given}: it would be the name of a local folder")


def test_gpus_need_a_compiler(
    problems: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert any("g++" in problem for problem in problems("trainer.device=cuda"))
    assert problems() == []


@pytest.mark.skipif(find_spec("flash_attn") is not None, reason="flash-attn is installed")
def test_flash_attn_is_missed_where_attention_or_packing_need_it(problems: Callable[..., list[str]]) -> None:
    def missed(*more: str) -> list[str]:
        return [each for each in problems("trainer.device=cuda", *more) if "flash_attn" in each]

    packing = "actor_rollout_ref.model.use_remove_padding"
    attention = "actor_rollout_ref.model.override_config.attn_implementation"
    assert f"{packing}=True" in missed(f"{packing}=true")[0]
    assert f"{attention}=flash_attention_2" in missed(f"{attention}=flash_attention_2")[0]
    assert missed(f"{attention}=sdpa", f"{packing}=false") == []


def test_gpus_that_are_not_there_are_refused(problems: Callable[..., list[str]]) -> None:
    found = problems("trainer.device=cuda", "trainer.n_gpus_per_node=8")
    assert any("CUDA devices" in problem and "hardware=cpu" in problem for problem in found)


def test_a_run_in_the_folder_of_its_model_or_its_prompts_is_refused(
    problems: Callable[..., list[str]], files: Path
) -> None:
    for folder in (files / "model", files / "data"):
        (problem,) = problems(f"run.dir={folder}")
        assert problem.startswith(f"error: run.dir={folder}: it is the folder of a model or of the prompts")
