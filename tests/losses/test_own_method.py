"""The example of a user's own method in docs/methods.md, run as it is written."""

import dataclasses
import re
import sys
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, get_policy_loss_fn
from verl.workers.config import ActorConfig

from dgpo.losses import METHODS, register_method

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
    policy_loss = instantiate(OmegaConf.create(block("yaml")))
    actor = ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, policy_loss=policy_loss)
    batch = make_batch()
    loss, metrics = get_policy_loss_fn("fade")(**batch._asdict(), config=actor)
    loss.backward()
    ratio = (batch.log_prob - batch.old_log_prob).detach().exp()
    fade = 1 - ((ratio - ratio.clamp(0.8, 1.2)) * batch.advantages.sign() / 0.5)
    expected = -batch.advantages * ratio * fade.clamp(0, 1) * batch.response_mask / batch.response_mask.sum()
    torch.testing.assert_close(batch.log_prob.grad, expected)
    assert metrics["actor/region/hp/share"] > 0


def test_a_name_that_is_taken_is_refused():

    other = dataclasses.replace(METHODS["dgpo"], log_weight=METHODS["gppo"].log_weight)
    with pytest.raises(ValueError, match="'dgpo' is already registered"):
        register_method(other)
