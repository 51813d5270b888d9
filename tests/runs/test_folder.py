import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder

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


def test_a_second_run_in_a_live_folder_is_refused_and_named(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with pytest.raises(UserError, match=f"process {process.pid}"), RunFolder(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_killed_run_leaves_its_folder_free(tmp_path: Path) -> None:
    process = hold(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with RunFolder(tmp_path) as folder:
        assert folder.path == tmp_path


def test_a_folder_that_cannot_be_made_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"run\.dir=.*file/run"), RunFolder(tmp_path / "file" / "run"):
        pass


def test_the_wandb_id_stays(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).wandb_id() == RunFolder(tmp_path).wandb_id()


def test_each_launch_gets_a_metrics_file_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.mkdir()
    for not_ours in ("001 (copy).jsonl", "._001.jsonl", "notes.jsonl"):
        (folder.metrics / not_ours).touch()
    assert [folder.new_metrics_file().name for _ in range(3)] == ["001.jsonl", "002.jsonl", "003.jsonl"]
