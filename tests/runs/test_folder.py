import subprocess
import sys
from pathlib import Path

import pytest

from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder, tracker_environment

HOLD = """
import sys, time
from dgpo.runs.folder import RunFolder
with RunFolder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_second_run_in_a_live_folder_is_refused_and_a_killed_one_leaves_it_free(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with pytest.raises(UserError, match=f"process {process.pid}"), RunFolder(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()
    with RunFolder(tmp_path) as folder:
        assert folder.path == tmp_path


def test_a_folder_that_cannot_be_made_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"run\.dir=.*file/run"), RunFolder(tmp_path / "file" / "run"):
        pass


def test_each_launch_gets_a_metrics_file_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.mkdir()
    for not_ours in ("001 (copy).jsonl", "._001.jsonl", "notes.jsonl"):
        (folder.metrics / not_ours).touch()
    assert [folder.new_metrics_file().name for _ in range(3)] == ["001.jsonl", "002.jsonl", "003.jsonl"]


def test_wandb_writes_online_by_a_key_or_a_netrc_entry_and_else_offline_into_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = (tracker_environment(RunFolder(tmp_path / "run")) for _ in range(2))
    assert (first["WANDB_MODE"], first["WANDB_DIR"]) == ("offline", str(tmp_path / "run"))
    assert first["WANDB_RESUME"] == "allow" and len(first["WANDB_RUN_ID"]) == 8
    assert first["WANDB_RUN_ID"] == second["WANDB_RUN_ID"]
    assert first["VERL_FILE_LOGGER_PATH"] != second["VERL_FILE_LOGGER_PATH"]
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password key\n")
    netrc.chmod(0o600)
    assert "WANDB_MODE" not in tracker_environment(RunFolder(tmp_path / "run"))
    netrc.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "key")
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    given = tracker_environment(RunFolder(tmp_path / "run"))
    assert "WANDB_MODE" not in given and given["WANDB_RUN_ID"] == "mine"
