import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dgpo.runs.folder import RunFolder, RunFolderError, history, read_metrics

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
        with pytest.raises(RunFolderError, match=f"process {process.pid}"), RunFolder(tmp_path):
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
    with pytest.raises(RunFolderError, match=r"run\.dir=.*file/run"), RunFolder(tmp_path / "file" / "run"):
        pass


def test_the_wandb_id_stays(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).wandb_id() == RunFolder(tmp_path).wandb_id()


def test_each_launch_gets_a_metrics_file_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert [folder.new_metrics_file().name for _ in range(3)] == ["001.jsonl", "002.jsonl", "003.jsonl"]


def write(file: Path, *records: tuple[int, dict[str, float]]) -> None:
    lines = [json.dumps({"step": step, "data": data}) for step, data in records]
    file.write_text("".join(line + "\n" for line in lines))


def test_a_line_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    write(file, (1, {"a": 1.0}))
    with file.open("a") as stream:
        stream.write('{"step": 2, "da')
    read = list(read_metrics(file))
    assert [step for step, _, _ in read] == [1]
    with file.open("a") as stream:
        stream.write('ta": {}}\n')
    assert [step for step, _, _ in read_metrics(file, read[-1][2])] == [2]


def test_history_takes_repeated_steps_from_the_later_launch_and_keeps_the_others(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write(folder.new_metrics_file(), (0, {"val": 0.1}), (1, {"actor/x": 1.0}), (2, {"actor/x": 2.0, "val": 0.2}))
    # A resumed launch validates first, at the step it goes on from, and logs nothing else there.
    write(folder.new_metrics_file(), (1, {"val": 0.9}), (2, {"actor/x": 20.0}), (3, {"actor/x": 30.0}))
    assert history(folder) == {
        0: {"val": 0.1},
        1: {"actor/x": 1.0},
        2: {"actor/x": 20.0},
        3: {"actor/x": 30.0},
    }


def test_history_drops_what_a_launch_from_an_earlier_step_leaves_behind(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write(folder.new_metrics_file(), (0, {"val": 0.1}), *((step, {"actor/x": float(step)}) for step in range(1, 6)))
    write(folder.new_metrics_file(), (0, {"val": 0.5}), (1, {"actor/x": 10.0}), (2, {"actor/x": 20.0}))
    assert history(folder) == {0: {"val": 0.5}, 1: {"actor/x": 10.0}, 2: {"actor/x": 20.0}}


def test_progress_shows_each_step_as_it_appears(tmp_path: Path) -> None:
    import io

    from dgpo.training.step_lines import HEADER, Progress

    file, terminal = tmp_path / "m.jsonl", io.StringIO()
    file.touch()
    with Progress(file, terminal, total_steps=2):
        write(file, (1, {"critic/score/mean": 0.5, "timing_s/step": 4.0, "val-core/x/acc/mean@8": 0.25}))
        time.sleep(1.2)
        assert "0.500" in terminal.getvalue() and "0.250" in terminal.getvalue()
        with file.open("a") as stream:
            stream.write(
                json.dumps({"step": 2, "data": {"actor/region/ln/share": 0.01, "actor/region/hp/share": 0.02}})
            )
            stream.write("\n")
    header, first, second = terminal.getvalue().splitlines()
    assert header == HEADER and first.split()[-1] == "0:04" and "3.000%" in second
    assert len(header) == len(first) == len(second)
