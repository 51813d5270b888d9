"""Settings that an asynchronous trainer would refuse late, or ignore."""

import pytest

from dgpo.config.checks import environment, registries, trainer_modes
from dgpo.config.compose import compose_config, resolved
from dgpo.losses import METHODS

CORRECTION = "algorithm.rollout_correction"
SEPARATE = "+trainer_mode=separate_async_cpu"


def problems(*overrides: str) -> list[str]:
    return [str(problem) for problem in trainer_modes.mode(resolved(compose_config("quickstart", list(overrides))))]


@pytest.mark.parametrize("mode", [None, "colocate_async", "separate_async_cpu"])
def test_each_mode_s_config_passes(mode: str | None) -> None:
    assert problems(*([] if mode is None else [f"+trainer_mode={mode}"])) == []


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([SEPARATE, "data.train_batch_size=64"], "parameter_sync_step=16: separate_async needs"),
        ([SEPARATE, "data.train_batch_size=64"], "set it to 32"),
        ([SEPARATE, "actor_rollout_ref.rollout.nnodes=0"], "actor_rollout_ref.rollout.nnodes=0"),
        (["+trainer_mode=separate_async"], "backend=nccl: it cannot carry weights between separate processes on cpu"),
        ([SEPARATE, "actor_rollout_ref.actor.fsdp_config.param_offload=true"], "updates would be lost"),
        ([SEPARATE, "actor_rollout_ref.rollout.checkpoint_engine.backend=naive"], "use gloo"),
        ([f"{CORRECTION}.bypass_mode=true", f"{CORRECTION}.rollout_is=token"], "rollout_is=token: with bypass_mode"),
    ],
)
def test_a_bad_setting_is_refused(overrides: list[str], says: str) -> None:
    found = problems(*overrides)
    assert any(says in problem and problem.startswith("error") for problem in found), found


@pytest.mark.parametrize("loss", sorted(METHODS))
def test_every_loss_composes_with_an_asynchronous_trainer(loss: str) -> None:
    config = resolved(compose_config("quickstart", ["+trainer_mode=colocate_async", f"policy_loss={loss}"]))
    assert list(registries.policy_loss(config)) == [] and config.trainer.v1.trainer_mode == "colocate_async"


def test_stale_rollouts_without_a_correction_are_warned_about() -> None:
    (warning,) = problems("+trainer_mode=colocate_async", f"{CORRECTION}.rollout_is=null")
    assert warning.startswith("warning") and "older weights" in warning


@pytest.mark.parametrize("backend", ["nccl", "ncll"])
def test_what_carries_the_weights_is_installed(backend: str) -> None:
    key = "actor_rollout_ref.rollout.checkpoint_engine.backend"
    assert list(environment.weight_transport(resolved(compose_config("quickstart", [SEPARATE])))) == []
    (problem,) = environment.weight_transport(resolved(compose_config("quickstart", [SEPARATE, f"{key}={backend}"])))
    # This machine has no CUDA, so nothing has installed cupy.
    assert str(problem).startswith(f"error: {key}={backend}: Checkpoint engine {backend} not registered")
    assert "No module named 'cupy'" in str(problem) and "scripts/install.sh gpu" in str(problem)
