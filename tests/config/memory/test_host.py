from dataclasses import replace
from pathlib import Path

import pytest

from dgpo.config.memory.host import block, host_bytes, memory_limit
from dgpo.config.memory.setup import GIB, MicroBatch, Setup
from dgpo.config.memory.shape import KNOWN


@pytest.mark.parametrize(("size", "nodes", "gib"), [("7b", 1, 161.8), ("14b", 2, 142.5)])
def test_page_locked_blocks_are_rounded_up(size: str, nodes: int, gib: float) -> None:
    run = Setup(
        shape=KNOWN[f"deepseek-r1-distill-qwen-{size}"],
        nodes=nodes,
        gpus_per_node=8,
        gpu_bytes=None,
        micro_batch=MicroBatch(16384),
        longest=16384,
        response=15360,
        update_samples=512,
        samples=8192,
        rollout_gpus=8,
    )
    assert host_bytes(run) == 0
    offloaded = replace(run, param_offload=True, optimizer_offload=True)
    # Worked out apart from the code, from the shapes of the parameters.
    assert host_bytes(offloaded) / GIB == pytest.approx(gib, abs=0.1)
    weights = host_bytes(replace(run, param_offload=True))
    assert host_bytes(offloaded) == 3 * weights
    moments = 8 * run.shape.parameters // nodes
    assert host_bytes(replace(run, offload_policy=True)) == pytest.approx(2 * weights + moments, rel=1e-6)


def test_a_block_holds_what_it_is_for() -> None:
    assert [block(size) for size in (1, 2, 3, 4, 5, 4097)] == [1, 2, 4, 4, 8, 8192]


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/job/step", "sys/fs/cgroup/job/memory.max"),
        ("4:memory:/job/step", "sys/fs/cgroup/memory/job/step/memory.limit_in_bytes"),
        ("0::/", "sys/fs/cgroup/memory.max"),
    ],
)
def test_the_least_limit_of_the_groups_above_counts(line: str, file: str, tmp_path: Path) -> None:
    machine = memory_limit(tmp_path)
    assert machine > GIB // 4
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"1:cpu:/job\n{line}\n")
    limit = tmp_path / file
    limit.parent.mkdir(parents=True)
    limit.write_text("max\n")
    assert memory_limit(tmp_path) == machine
    limit.write_text("4096\n")
    assert memory_limit(tmp_path) == 4096
