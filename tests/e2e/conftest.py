"""A small model that has learned a little, and the trainer as a person starts it: a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from dgpo.data.sources.arithmetic import write_splits
from dgpo.tasks import small_model, warm_start
from tests.conftest import processes_where

# Small enough for 2 cores: 8 prompts with 8 answers a step, 4 updates of 2 prompts.
SMALL = {
    "data.train_batch_size": 8,
    "actor_rollout_ref.actor.ppo_mini_batch_size": 2,
    "actor_rollout_ref.actor.optim.lr": "2e-4",
    "actor_rollout_ref.actor.optim.lr_warmup_steps": 0,
    "run.keep_rollouts": 2,
    "trainer.test_freq": 100,
    "trainer.save_freq": 1,
}


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems of two digits, and a model taught on them for seconds: it boxes its answers, some of them right."""
    folder = tmp_path_factory.mktemp("e2e")
    write_splits(folder / "data", train=1024, validation=32, test=8, levels=[1])
    small_model.create(folder / "untrained", seed=0, hidden_size=64, layers=2)
    settings = warm_start.WarmStart(steps=350, noise=0.2, learning_rate=4e-3, levels=(1,), eval_problems=64)
    # One thread: two that share a core with other work wait for each other at every operation.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    summary = warm_start.warm_start(folder / "untrained", folder / "model", settings)
    torch.set_num_threads(threads)
    # It knows how to add, and samples badly.
    assert 0.1 < summary["accuracy"]["sampled"] < 0.6 and summary["accuracy"]["greedy"] > 0.8
    return folder


class Launch:
    """``dgpo train`` on the workspace."""

    def __init__(
        self,
        workspace: Path,
        run: Path,
        environment: Mapping[str, str] = os.environ,
        config: str = "quickstart",
        **settings: object,
    ):
        self.run = run
        values = {
            "data.train_files": workspace / "data/train.parquet",
            "data.val_files": workspace / "data/validation.parquet",
            "actor_rollout_ref.model.path": workspace / "model",
            "run.dir": run,
            **SMALL,
            **settings,
        }
        overrides = [f"{key}={value}" for key, value in values.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dgpo.cli", "train", "--config-name", config, *overrides],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "WANDB_MODE": "offline"},
        )

    def finish(self) -> str:
        """What it printed, once it has ended well."""
        output, _ = self.process.communicate()
        log = self.run / "train.log"
        assert self.process.returncode == 0, output + (log.read_text()[-4000:] if log.exists() else "")
        return output

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Let it train until ``condition`` holds."""
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.05)

    def kill_when(self, condition: Callable[[], bool]) -> None:
        """SIGKILL the driver, as a machine that is switched off would, once ``condition`` holds."""
        self.wait_for(condition)
        self.process.kill()
        self.process.communicate()


def processes_of(run: Path) -> list[psutil.Process]:
    """Processes that were started with this run's environment."""
    return processes_where(lambda process: process.environ().get("WANDB_DIR") == str(run))


@contextmanager
def launching(workspace: Path) -> Iterator[Callable[..., Launch]]:
    """Start trainings in run folders; what still runs at the end is killed."""
    started: list[Launch] = []

    def start(run: Path, environment: Mapping[str, str] = os.environ, **settings: Any) -> Launch:
        started.append(Launch(workspace, run, environment, **settings))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.fixture(scope="module")
def launch_in(workspace: Path) -> Iterator[Callable[..., Launch]]:
    """Start a training in a run folder, for the tests of a module."""
    with launching(workspace) as start:
        yield start


@pytest.fixture
def launch(workspace: Path, tmp_path: Path) -> Iterator[Callable[..., Launch]]:
    """Start a training in this test's run folder."""
    with launching(workspace) as start:
        yield partial(start, tmp_path / "run")
