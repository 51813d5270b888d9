"""The memory benchmark of unlearning, at a small vocabulary."""

import pytest

from benchmarks import unlearning_memory


def test_in_chunks_the_loss_holds_less_than_one_logits_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlearning_memory, "VOCABULARY", 1024)
    peaks = unlearning_memory.measure()
    assert peaks["chunks of 256 tokens"] < 1 < peaks["chunks of 1,024 tokens"] < peaks["whole"]
