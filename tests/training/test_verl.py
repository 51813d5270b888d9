import json
import subprocess
import sys
from pathlib import Path

import pytest

FIGURES = Path(__file__).with_name("reward_figures.py")


def test_the_figures_of_a_batch_stand_beside_verl_s_and_padding_counts_for_nothing() -> None:
    done = subprocess.run([sys.executable, FIGURES], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["samples"], told["padding"]) == (4, 1)
    assert told["reasons"] == ["match", "match", "timeout"]
    metrics = told["metrics"]
    assert metrics["training/global_step"] == 5
    assert metrics["reward/accuracy"] == pytest.approx(2 / 3)
    assert metrics["reward/reason/timeout"] == pytest.approx(1 / 3)
    assert metrics["reward/worker_restarts"] == 3
