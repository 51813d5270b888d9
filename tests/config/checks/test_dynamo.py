"""What rollouts=dynamo and advantage=dynamo cannot work with is refused or said."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks import dynamo
from dgpo.config.compose import compose_config, resolved
from dgpo.data.schema import make_row, write_parquet
from dgpo.rollouts.allocation import AllocationSettings
from dgpo.runs.checkpoints import write_manifest


@pytest.fixture(scope="module")
def chosen() -> DictConfig:
    return compose_config("quickstart", ["rollouts=dynamo", "advantage=dynamo"])


def problems(config: DictConfig, **settings: Any) -> list[str]:
    changed = resolved(config)
    for key, value in settings.items():
        OmegaConf.update(changed, key, value)
    return [str(problem) for check in (dynamo.allocation, dynamo.factors) for problem in check(changed)]


def test_either_is_chosen_by_its_name_and_neither_is_the_default(chosen: DictConfig) -> None:
    assert problems(chosen) == []
    plain = resolved(compose_config("quickstart"))
    assert plain.get("rollouts") is None and plain.get("advantage") is None and problems(plain) == []
    assert problems(compose_config("dgpo_7b", ["advantage=dynamo", "policy_loss=grpo"])) == []


def test_bounds_left_open_are_half_of_n_and_one_and_a_half_of_it(chosen: DictConfig) -> None:
    assert AllocationSettings.of(resolved(chosen)).bounds == {"low": 4, "high": 12}
    assert AllocationSettings(n=16).bounds == {"low": 8, "high": 24}
    assert AllocationSettings(n=3).bounds == {"low": 2, "high": 4}
    assert AllocationSettings(n=8, low=8, high=8).bounds == {"low": 8, "high": 8}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rollouts.low": 1}, "rollouts.low=1"),
        ({"rollouts.low": 9}, "rollouts.low=9"),
        ({"rollouts.low": 2.5}, "rollouts.low=2.5"),
        ({"rollouts.high": 7}, "rollouts.high=7"),
        ({"rollouts.high": "many"}, "rollouts.high=many"),
        ({"actor_rollout_ref.rollout.n": 1}, "is more than rollout.n=1"),
        ({"rollouts.forget": 0}, "rollouts.forget=0"),
        ({"rollouts.forget": 1.5}, "rollouts.forget=1.5"),
        ({"rollouts.forget": None}, "rollouts.forget=None"),
        ({"rollouts.mastery": 0}, "rollouts.mastery=0"),
        ({"rollouts.weight": "tokens"}, "rollouts.weight=tokens"),
        ({"algorithm.filter_groups.enable": True}, "algorithm.filter_groups.enable=True: the groups that it drops"),
        ({"algorithm.rollout_correction.bypass_mode": True}, "bypass_mode=True: it computes no old log-probs"),
        ({"advantage.alpha": -1}, "advantage.alpha=-1"),
        ({"advantage.floor": "low"}, "advantage.floor=low"),
        ({"advantage.threshold": float("inf")}, "advantage.threshold=inf"),
        ({"advantage.scope": "group"}, "advantage.scope=group"),
    ],
)
def test_a_bad_setting_is_refused(chosen: DictConfig, settings: dict[str, Any], says: str) -> None:
    (problem,) = problems(chosen, **settings)
    assert problem.startswith("error") and says in problem


def evidence(config: DictConfig, folder: Path, *problems: str, **settings: Any) -> list[str]:
    """What is said of a run in ``folder`` on ``problems``."""
    rows = [make_row(problem=each, ground_truth="1", data_source="x", index=0, split="train") for each in problems]
    changed = resolved(config)
    changed.data.train_files = str(write_parquet(rows, folder / "train.parquet"))
    changed.run.dir = str(folder / "run")
    for key, value in settings.items():
        OmegaConf.update(changed, key, value)
    return [str(problem) for problem in dynamo.evidence(changed)]


def test_a_run_that_goes_on_without_counts_is_said_to_begin_uniform(chosen: DictConfig, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run/checkpoints/global_step_2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "data.pt").write_bytes(b"position")
    write_manifest(checkpoint)
    path = {"trainer.resume_mode": "resume_path", "trainer.resume_from_path": str(checkpoint)}
    for settings in ({}, path):
        (warning,) = evidence(chosen, tmp_path, "a", **settings)
        assert warning.startswith("warning: rollouts=dynamo") and f"{checkpoint} has no success_counts.json" in warning
    assert evidence(chosen, tmp_path, "a", **{"trainer.resume_mode": "disable"}) == []
    (checkpoint / "success_counts.json").write_text("{}")
    write_manifest(checkpoint)
    assert evidence(chosen, tmp_path, "a") == []
