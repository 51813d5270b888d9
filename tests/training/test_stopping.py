"""Signals end a process by themselves or after a checkpoint; a file or a clock ends verl's loop after a step."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgpo.errors import UserError
from dgpo.progress import seconds_of
from dgpo.runs.checkpoints import inspect, write_manifest
from dgpo.training.stopping import Interrupted, reason, saving_first, stop_in_time

COMMAND = """
import sys, time
from dgpo.training.stopping import handled, interrupt, tell
try:
    with handled(interrupt):
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt as error:
    sys.exit(tell(error, "nothing is under way"))
"""


@pytest.mark.parametrize(
    ("number", "prefix", "status"),
    [
        (signal.SIGTERM, "exec", 143),
        (signal.SIGINT, "trap '' INT; exec nohup", 130),
        (signal.SIGHUP, "exec", 129),
    ],
)
def test_a_signal_ends_the_command_with_a_word_and_its_status(number: int, prefix: str, status: int) -> None:
    command = ["bash", "-c", f'{prefix} "$@"', "bash", sys.executable, "-c", COMMAND]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None and running.stdout.readline() == "ready\n"
    running.send_signal(number)
    _, said = running.communicate()
    assert running.returncode == status
    assert f"interrupted ({signal.Signals(number).name}); nothing is under way" in said


def waiting(stop: Path, grace: float, *, may: bool, seconds: float = 30) -> list[str]:
    """What is said when SIGTERM comes while something waits for ``stop``, as the trainer does."""
    said: list[str] = []
    with pytest.raises(Interrupted) as ended, saving_first(stop, grace, said.append, lambda: may):
        os.kill(os.getpid(), signal.SIGTERM)
        end = time.monotonic() + seconds
        while not stop.exists() and time.monotonic() < end:
            time.sleep(0.01)
        if grace < 1:
            time.sleep(seconds)
    assert ended.value.status == 143
    return said


@pytest.mark.parametrize(
    ("grace", "may", "last"),
    [
        (60, True, "SIGTERM: saving after this step, for up to 60 s"),
        (0.2, True, "did not end within run.grace_s=0.2"),
        (60, False, None),  # with nothing to save it ends at once
    ],
)
def test_a_signal_waits_for_the_checkpoint_and_no_longer_than_the_grace(
    tmp_path: Path, grace: float, may: bool, last: str | None
) -> None:
    said = waiting(tmp_path / "stop", grace, may=may)
    assert said == [] if last is None else last in said[-1]
    assert (tmp_path / "stop").exists() == may


def test_a_signal_that_ray_tells_as_a_bare_interrupt_keeps_its_number(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="SIGTERM"), saving_first(tmp_path / "stop", 60, print, lambda: False):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        except Interrupted:
            raise KeyboardInterrupt from None


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with (
        pytest.raises(Interrupted, match="SIGTERM"),
        saving_first(tmp_path / "stop", 60, lambda text: None, lambda: True),
    ):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)


@pytest.mark.slow
def test_ray_does_not_keep_the_signals() -> None:
    program = """
import os, signal, sys
from pathlib import Path
import ray
from dgpo.training.stopping import saving_first, tell
try:
    with saving_first(Path("stop"), 60, print, lambda: False) as take_signals:
        ray.init(address="local", num_cpus=1, include_dashboard=False)
        take_signals()
        os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt as error:
    ray.shutdown()
    sys.exit(tell(error, "so it goes"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 143 and "interrupted (SIGTERM); so it goes" in done.stderr


class Loop:
    """The part of verl's trainer that stopping touches: steps of 0 s, of which every third is saved."""

    def __init__(self, run: Path, limit: object = None):
        checkpoints = {"default_local_dir": str(run / "checkpoints")}
        self.config = SimpleNamespace(trainer=SimpleNamespace(**checkpoints), run=SimpleNamespace(time_limit=limit))
        self.total_training_steps, self.global_steps = 10, 1
        self.run = run

    def on_step_begin(self) -> None: ...

    def on_step_end(self) -> None:
        if self.global_steps == 4:
            (self.run / "stop").touch()

    def _save_checkpoint(self) -> None:
        folder = self.run / f"checkpoints/global_step_{self.global_steps}"
        folder.mkdir(parents=True)
        write_manifest(folder)

    def fit(self) -> list[int]:
        """Steps that were saved."""
        while self.global_steps <= self.total_training_steps:
            self.on_step_begin()
            if self.global_steps % 3 == 0:
                self._save_checkpoint()
            self.on_step_end()
            self.global_steps += 1
        folders = (self.run / "checkpoints").glob("global_step_*")
        return sorted(each.step for each in map(inspect, folders) if each.complete)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGPO_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("DGPO_DEADLINE", "")
    return tmp_path


def test_a_file_ends_the_run_after_a_step_saved(run: Path) -> None:
    trainer: Any = Loop(run)
    stop_in_time(trainer)
    # It comes in the fourth step, which has then been looked at.
    assert trainer.fit() == [3, 5] and trainer.global_steps == 6
    assert reason(run / "stop") == "the file stop in its folder" and reason(run / "stop") is None


def test_the_time_limit_ends_the_run_with_a_checkpoint(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGPO_DEADLINE", str(time.time() - 1))
    trainer: Any = Loop(run, limit="1h")
    stop_in_time(trainer)
    assert trainer.fit() == [1] and reason(run / "stop") == "run.time_limit=1h"


def test_without_either_it_goes_to_the_end(run: Path) -> None:
    trainer: Any = Loop(run)
    trainer.total_training_steps = 3
    stop_in_time(trainer)
    assert trainer.fit() == [3] and reason(run / "stop") is None


def test_durations() -> None:
    seconds = {90: 90, "45s": 45, "1.5h": 5400, "30m": 1800, "2d": 172800, "11:30:00": 41400}
    assert {value: seconds_of("run.time_limit", value) for value in seconds} == seconds
    for wrong in (0, -1, "soon", "1:2", True, "5 weeks"):
        with pytest.raises(UserError, match=r"run\.time_limit=.*no duration above 0"):
            seconds_of("run.time_limit", wrong)
