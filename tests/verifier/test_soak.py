import os

import pytest

from benchmarks.verifier_soak import rss, soak
from dgpo.verifier.workers import shared_pool


@pytest.mark.slow
def test_a_soak_leaves_memory_and_verdicts_as_they_were() -> None:
    windows = soak(calls=2000, windows=4)
    assert sum(window.wrong for window in windows) == 0
    assert sum(window.kills for window in windows) > 0, "no hostile call was killed: the soak tests nothing"
    assert windows[-1].caller - windows[0].caller < 50e6
    assert all(window.workers < 1.5e9 for window in windows)
    pids = shared_pool().pids()
    shared_pool().close()
    assert rss(os.getpid()) > 0 and not any(map(rss, pids))
