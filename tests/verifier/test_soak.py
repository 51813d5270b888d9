import psutil
import pytest

from benchmarks.verifier_soak import soak
from dgpo.verifier.symbolic.pool import shared_pool


@pytest.mark.slow
def test_a_soak_leaves_memory_and_verdicts_as_they_were() -> None:
    windows = soak(calls=2000, windows=4)
    assert sum(window.wrong for window in windows) == 0
    assert sum(window.kills for window in windows) > 0, "no hostile call was killed: the soak tests nothing"
    assert windows[-1].caller - windows[0].caller < 50e6
    assert all(window.workers < 1.5e9 for window in windows)
    processes = [psutil.Process(pid) for pid in shared_pool().pids()]
    shared_pool().close()
    _, alive = psutil.wait_procs(processes, timeout=60)  # the kernel ends the workers in its own time
    assert processes and not alive
