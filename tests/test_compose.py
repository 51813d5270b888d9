from pathlib import Path

import pytest

from dgpo.compose import ConfigError, compose_config, config_dir, resolved

PARTS = {"rlvr", "reasoning"}
EXPERIMENTS = sorted({file.stem for file in config_dir().glob("*.yaml")} - PARTS)
METHODS = sorted(file.stem for file in (config_dir() / "policy_loss").glob("*.yaml"))


def test_there_are_experiments_and_methods() -> None:
    assert "quickstart" in EXPERIMENTS and {"dgpo", "grpo", "gppo"} <= set(METHODS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_experiment_resolves(name: str) -> None:
    config = resolved(compose_config(name))
    assert config.actor_rollout_ref.rollout.name == "vllm"


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_one_override(method: str) -> None:
    config = resolved(compose_config("quickstart", [f"policy_loss@actor_rollout_ref.actor.policy_loss={method}"]))
    assert config.actor_rollout_ref.actor.policy_loss._target_.startswith("dgpo.losses.verl_adapter.")


def test_an_override_reaches_the_config() -> None:
    config = resolved(compose_config("quickstart", ["seed=3", "actor_rollout_ref.actor.policy_loss.m=5"]))
    assert (config.run.name, config.data.seed, config.actor_rollout_ref.rollout.seed) == ("dgpo-3", 3, 3)
    assert config.actor_rollout_ref.actor.policy_loss.m == 5


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("actor_rollout_ref.actor.policy_los.n=1", "policy_los"),
        ("run.name", "run.name"),
        ("policy_loss@actor_rollout_ref.actor.policy_loss=dppo", "policy_loss/dppo"),
        ("hardware=tpu", "hardware/tpu"),
    ],
)
def test_a_wrong_override_is_an_error_that_names_it(override: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        compose_config("quickstart", [override])


def test_the_authors_keys_are_translated() -> None:
    with pytest.raises(ConfigError, match=r"write actor_rollout_ref\.actor\.policy_loss\.n instead"):
        compose_config("quickstart", ["actor_rollout_ref.actor.policy_loss.ratio_clip.dgpo_n=2"])


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ConfigError, match=r"run\.name"):
        resolved(compose_config("quickstart", ["run.name=???"]))


def test_configs_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "defaults: [rlvr, hardware: cpu, _self_]\nrun: {name: mine}\nactor_rollout_ref: {model: {path: m}}\n"
    )
    config = resolved(compose_config("mine", directory=tmp_path))
    assert (config.run.dir, config.trainer.device) == ("runs/mine", "cpu")
    with pytest.raises(ConfigError, match="no such folder"):
        compose_config("mine", directory=tmp_path / "missing")
