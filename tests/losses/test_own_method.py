"""The example of a user's own method in docs/methods.md, run as it is written."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, get_policy_loss_fn
from verl.workers.config import ActorConfig

from dgpo.config.checks.registries import policy_loss
from dgpo.config.compose import compose_config
from dgpo.losses import METHODS, register_method
from dgpo.losses.base import Method

LOSS = "actor_rollout_ref.actor.policy_loss"
DOCS = Path(__file__).parents[2] / "docs" / "methods.md"


def block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", DOCS.read_text(), flags=re.S)
    assert match is not None
    return match[1]


@pytest.fixture
def my_losses(tmp_path, monkeypatch):
    (tmp_path / "my_losses.py").write_text(block("python"))
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for registry in (METHODS, POLICY_LOSS_REGISTRY, sys.modules):
        for name in ("fade", "my_losses"):
            registry.pop(name, None)


def test_method_in_the_docs_trains_through_verl(my_losses, make_batch):
    section = instantiate(OmegaConf.create(block("yaml")))
    actor = ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, policy_loss=section)
    batch = make_batch()
    loss, metrics = get_policy_loss_fn("fade")(**batch._asdict(), config=actor)
    loss.backward()
    ratio = (batch.log_prob - batch.old_log_prob).detach().exp()
    fade = 1 - ((ratio - ratio.clamp(0.8, 1.2)) * batch.advantages.sign() / 0.5)
    expected = -batch.advantages * ratio * fade.clamp(0, 1) * batch.response_mask / batch.response_mask.sum()
    torch.testing.assert_close(batch.log_prob.grad, expected)
    assert metrics["actor/region/hp/share"] > 0


def test_a_type_that_is_written_as_a_text_is_one():
    @dataclass(frozen=True, kw_only=True)
    class Postponed(Method):  # as by `from __future__ import annotations`
        cap: "float | None" = 3.0

    assert Postponed(cap=None).cap is None
    with pytest.raises(ValueError, match="cap='x' must be a number"):
        Postponed(cap="x")  # pyright: ignore[reportArgumentType]


def test_its_yaml_is_a_choice_from_a_folder_of_the_user_s(my_losses, tmp_path):
    (tmp_path / "policy_loss").mkdir()
    (tmp_path / "policy_loss" / "fade.yaml").write_text(block("yaml"))
    (tmp_path / "my_run.yaml").write_text("defaults: [quickstart, _self_]\n")
    config = compose_config("my_run", ["policy_loss=fade", f"{LOSS}.width=0.25"], tmp_path)
    assert config.actor_rollout_ref.actor.policy_loss.width == 0.25
    assert not list(policy_loss(config))
    (nowhere := config.copy()).actor_rollout_ref.actor.policy_loss._target_ = "no_losses.FadePolicyLossConfig"
    assert [problem.remedy for problem in policy_loss(nowhere)] == ["install it, or put its folder on PYTHONPATH"]
    wrong = compose_config("my_run", ["policy_loss=fade", f"{LOSS}.width=0"], tmp_path)
    assert [problem.message for problem in policy_loss(wrong)] == ["width=0 must be a number in (0, inf)"]


def test_a_yaml_that_does_not_say_where_its_keys_go_is_told_the_line(my_losses, tmp_path):
    (tmp_path / "policy_loss").mkdir()
    (tmp_path / "policy_loss" / "fade.yaml").write_text(block("yaml").partition("\n")[2])
    (tmp_path / "my_run.yaml").write_text("defaults: [quickstart, _self_]\n")
    (problem,) = policy_loss(compose_config("my_run", ["policy_loss=fade"], tmp_path))
    assert problem.remedy == f"make its first line: # @package {LOSS}"


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="'dgpo' is already registered"):
        register_method(type("Other", (METHODS["gppo"],), {"name": "dgpo"}))
