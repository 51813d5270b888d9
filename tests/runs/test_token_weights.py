import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from dgpo.config.compose import compose_config, resolved
from dgpo.errors import UserError
from dgpo.losses import METHODS
from dgpo.losses.token_sample import append_sample, read_samples
from dgpo.losses.verl import checked
from dgpo.runs.token_weights import method_of, plot_distribution, weights


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    old = -3 * torch.rand(8, 100, generator=generator)
    new = old + 0.01 * torch.randn(8, 100, generator=generator)
    new[0, :5] = old[0, :5] + torch.log(torch.tensor(2.0))
    mask = torch.ones(8, 100)
    mask[:, 90:] = 0
    old[:, 90:] = float("nan")
    advantages = torch.randn(8, 1, generator=generator).expand(8, 100).clone()
    return {"old_log_prob": old, "log_prob": new, "advantages": advantages, "response_mask": mask}


def config(**policy_loss: object) -> dict[str, object]:
    actor = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0, "policy_loss": policy_loss}
    return {"actor_rollout_ref": {"actor": actor}}


def test_a_sample_has_random_tokens_and_all_of_the_rare_ones(tmp_path: Path) -> None:
    file = tmp_path / "tokens" / "rank-0.npy"
    for _ in range(3):
        append_sample(file, **batch(), count=20, clip_range=(0.8, 1.2))
    tokens = read_samples(file.parent)
    assert tokens.shape[1] == 3 and 3 * 20 < len(tokens) <= 3 * 40 and np.isfinite(tokens).all()
    # Five tokens of ratio 2 in 720: each call keeps them all.
    assert np.count_nonzero(np.isclose(np.exp(tokens[:, 0]), 2.0)) >= 15


def test_the_hyper_parameters_are_those_of_the_run() -> None:
    method = method_of(config(loss_mode="dgpo", n=1, m=3, dual_clip=False))  # type: ignore[arg-type]
    assert method == METHODS["dgpo"](clip_ratio_high=0.28, n=1, m=3)  # type: ignore[call-arg]
    capped = method_of(config(loss_mode="dgpo", n=1, m=3, dual_clip=True))  # type: ignore[arg-type]
    assert capped.log_cap == math.log(3.0)
    assert method_of(config(loss_mode="dgpo_cispo")).name == "cispo"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="vanilla"):
        method_of(config(loss_mode="vanilla"))  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", ["dgpo", "grpo", "cispo", "sapo"])
@pytest.mark.parametrize("bounds", [[], ["clip_ratio_low=null", "clip_ratio_high=null", "clip_ratio=0.3"]])
def test_the_plot_and_the_training_read_a_config_alike(loss: str, bounds: list[str]) -> None:
    chosen = f"policy_loss={loss}"
    overrides = [chosen, *(f"actor_rollout_ref.actor.{bound}" for bound in bounds)]
    run = resolved(compose_config("quickstart", overrides))
    method = method_of(OmegaConf.to_container(run))  # type: ignore[arg-type]
    assert method == checked(type(method), run.actor_rollout_ref.actor)
    assert method.clip_ratio_low == method.clip_ratio_high == (0.3 if bounds else 0.2)


def test_the_weights_are_the_loss_s_own() -> None:
    tokens = np.array([[np.log(2.0), 1.0, np.log(0.5)], [0.0, -1.0, np.log(0.25)]], dtype=np.float32)
    f, w = weights(tokens, method_of(config(loss_mode="gppo")))  # type: ignore[arg-type]
    # GPPO: F is hi beyond the right boundary and r inside; W = F/π.
    np.testing.assert_allclose(f, [1.28, 1.0], rtol=1e-5)
    np.testing.assert_allclose(w, [2.56, 4.0], rtol=1e-5)


def test_the_plot_is_written_into_the_run(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config(loss_mode="dgpo", n=1, m=2)))
    append_sample(tmp_path / "tokens/rank-0.npy", **batch(), count=50, clip_range=(0.8, 1.28))
    plot_distribution(tmp_path)
    assert (tmp_path / "distribution.png").stat().st_size > 10_000 and (tmp_path / "distribution.svg").exists()


def test_a_run_without_a_sample_is_told_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config(loss_mode="dgpo")))
    with pytest.raises(UserError, match="token_sample=64"):
        plot_distribution(tmp_path)
