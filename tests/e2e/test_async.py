"""verl's asynchronous trainers on the real stack: they train, and on answers no older than the bound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

THRESHOLD = 3


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({"+trainer_mode": "colocate_async"}, "dgpo"),
        ({"+trainer_mode": "separate_async_cpu", "trainer.v1.separate_async.parameter_sync_step": 4}, "aspo"),
    ],
    ids=["colocate_async", "separate_async"],
)
def test_it_trains_on_answers_of_older_weights_within_the_bound(
    launch: Callable[..., Any], tmp_path: Path, settings: dict[str, Any], loss: str
) -> None:
    shared = {
        "trainer.total_training_steps": 5,
        "trainer.val_before_train": "false",
        "trainer.save_freq": 5,
        "trainer.v1.sampler.max_off_policy_threshold": THRESHOLD,
        "policy_loss": loss,
    }
    launch(**settings, **shared).finish()
    steps = history(RunFolder(tmp_path / "run"))
    assert sorted(steps) == [1, 2, 3, 4, 5]
    staleness = [steps[step]["training/off_policy/trajectory_staleness_worst/max"] for step in steps]
    # The threshold counts the step of the weights themselves.
    assert 0 < max(staleness) < THRESHOLD
    # Older weights sampled, so the weights on the gradient leave 1, and stay under their threshold.
    spread = [data["rollout_corr/rollout_is_max"] - data["rollout_corr/rollout_is_min"] for data in steps.values()]
    assert spread[0] < 1e-2 < max(spread)
    assert all(0 < data["rollout_corr/rollout_is_max"] < 2.01 for data in steps.values())
    assert any(data["actor/grad_norm"] > 0 for data in steps.values())
    # The policies of the four updates of a step part: the trust region has something to bound.
    assert any(data["actor/ppo_kl"] != 0 for data in steps.values())
    assert all("actor/region/ln/share" in data and "reward/accuracy" in data for data in steps.values())
