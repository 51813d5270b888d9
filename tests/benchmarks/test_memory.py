"""The plan's formulas against torch's tracker, on a small model; benchmarks/memory.py does the recipes' models."""

import pytest

from benchmarks.memory import compare
from dgpo.config.memory.setup import MicroBatch, Setup
from dgpo.config.memory.shape import ModelShape

SMALL = ModelShape(
    hidden=512, layers=3, heads=8, kv_heads=2, head_dim=64, intermediate=2048, vocabulary=32000, positions=8192
)


@pytest.mark.parametrize("entropy", [False, True])
def test_the_plan_is_within_a_tenth_of_what_torch_allocates(entropy: bool) -> None:
    setup = Setup(
        shape=SMALL,
        nodes=1,
        gpus_per_node=8,
        gpu_bytes=None,
        micro_batch=MicroBatch(8192),
        longest=8192,
        response=8192,
        update_samples=64,
        samples=64,
        rollout_gpus=8,
        update_entropy=entropy,
        chunked_entropy=not entropy,
    )
    rows = compare(setup)
    assert [moment for moment, part, *_ in rows if part == "all"] == ["log-probs", "update, head", "update, layers"]
    for moment, part, planned, found in rows:
        assert planned == pytest.approx(found, rel=0.1), (moment, part)
