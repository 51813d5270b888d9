import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from dgpo.config.compose import compose_config, resolved
from dgpo.errors import UserError
from dgpo.losses import METHODS
from dgpo.losses.verl import checked
from dgpo.runs.kept import ANSWERS, ROWS, TOKENS, write_rows
from dgpo.runs.token_weights import MOST_INSIDE, method_of, plot_distribution, read_tokens, weights


def keep(run: Path, step: int = 1, answers: int = 8, length: int = 100) -> None:
    """Groups with one token an answer outside the clip range, and their last ten tokens masked."""
    generator = np.random.default_rng(step)
    told, trained = [], []
    for row in range(step * ROWS, step * ROWS + answers):
        old = -3 * generator.random(length)
        new = old + 0.01 * generator.standard_normal(length)
        new[0] = old[0] + np.log(2.0)
        mask = [True] * (length - 10) + [False] * 10
        columns = {"token": [1] * length, "old_log_prob": old, "log_prob": new, "mask": mask}
        trained.append({"row": row, "advantage": [generator.standard_normal()] * length, **columns})
        texts = {"prompt": "[]", "said": "{}", "turns": "[]", "staleness": 0}
        told.append({"row": row, "group": "g", "answer": f"{row}", **texts})
    write_rows(run / f"rollouts/{step}/groups-0.parquet", told, ANSWERS)
    write_rows(run / f"rollouts/{step}/tokens-0.parquet", trained, TOKENS)


def config(**policy_loss: object) -> dict[str, object]:
    actor = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0, "policy_loss": policy_loss}
    return {"actor_rollout_ref": {"actor": actor}}


def test_tokens_drawn_are_all_of_those_outside_and_no_masked_one(tmp_path: Path) -> None:
    for step in (1, 2):
        keep(tmp_path, step)
    tokens = read_tokens(tmp_path, (0.8, 1.2))
    assert tokens.shape == (2 * 8 * 90, 3) and len(tokens) < MOST_INSIDE
    assert np.count_nonzero(np.isclose(np.exp(tokens[:, 0]), 2.0, rtol=1e-4)) == 16


def test_the_hyper_parameters_are_those_of_the_run() -> None:
    method = method_of(config(loss_mode="dgpo", n=1, m=3, dual_clip=False))  # type: ignore[arg-type]
    assert method == METHODS["dgpo"](clip_ratio_high=0.28, n=1, m=3)  # type: ignore[call-arg]
    capped = method_of(config(loss_mode="dgpo", n=1, m=3, dual_clip=True))  # type: ignore[arg-type]
    assert capped.log_cap == math.log(3.0)
    assert method_of(config(loss_mode="dgpo_cispo")).name == "cispo"  # type: ignore[arg-type]
    assert method_of(config(loss_mode="vanilla")) is None  # type: ignore[arg-type]


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
    keep(tmp_path)
    plot_distribution(tmp_path)
    assert (tmp_path / "distribution.png").stat().st_size > 10_000 and (tmp_path / "distribution.svg").exists()


def test_a_run_that_kept_nothing_is_told_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config(loss_mode="dgpo")))
    with pytest.raises(UserError, match=r"run\.keep_rollouts=2"):
        plot_distribution(tmp_path)
