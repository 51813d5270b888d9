"""Batches that look like training: padded rows, one advantage per sequence, ratios on both sides of the range."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import ActorConfig

from dgpo.config.compose import config_dir
from dgpo.losses import policy_loss
from dgpo.studies.threads import one_thread


class Batch(NamedTuple):
    """The tensors of one batch, each `(B, T)`."""

    old_log_prob: torch.Tensor
    log_prob: torch.Tensor
    advantages: torch.Tensor
    response_mask: torch.Tensor

    def rows(self, index: slice | torch.Tensor) -> "Batch":
        """The batch of some sequences, with a leaf of its own for the gradient."""
        old, new, advantages, mask = (tensor[index].clone() for tensor in self)
        return Batch(old, new.detach().requires_grad_(), advantages, mask)


def loss_and_gradient(name: str, batch: Batch, **options: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a method; the gradient is that in log_prob."""
    batch.log_prob.grad = None
    loss, _ = policy_loss(name, *batch, **options)  # pyright: ignore[reportArgumentType]
    loss.backward()
    assert batch.log_prob.grad is not None
    return loss.detach(), batch.log_prob.grad


@pytest.fixture(autouse=True)
def tiny_tensors() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    def make(rows: int = 6, width: int = 40, seed: int = 0, spread: float = 0.6) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        old = -3 * torch.rand(rows, width, generator=generator)
        new = old + spread * torch.randn(rows, width, generator=generator)
        advantages = torch.randn(rows, 1, generator=generator).expand(rows, width).clone()
        lengths = torch.randint(1, width + 1, (rows, 1), generator=generator)
        return Batch(old, new.requires_grad_(), advantages, torch.arange(width) < lengths)

    return make


@pytest.fixture
def actor_section(tmp_path: Path) -> Callable[..., DictConfig]:
    """Compose verl's actor config with one of our policy losses, as the command line does."""
    (tmp_path / "policy_loss").symlink_to(config_dir() / "policy_loss")
    (tmp_path / "trainer.yaml").write_text(
        "hydra:\n  searchpath: [pkg://verl.trainer.config]\n"
        "defaults: [{actor@actor_rollout_ref.actor: dp_actor}, {policy_loss: dgpo}, _self_]\n"
    )

    def make(choice: str = "dgpo", *overrides: str) -> DictConfig:
        keys = ("ppo_micro_batch_size_per_gpu=1", *overrides)
        given = ["+" * key.startswith("+") + "actor_rollout_ref.actor." + key.lstrip("+") for key in keys]
        with initialize_config_dir(str(tmp_path), version_base=None):
            return compose("trainer", overrides=[f"policy_loss={choice}", *given]).actor_rollout_ref.actor

    return make


@pytest.fixture
def actor_loss() -> Callable[..., tuple[torch.Tensor, torch.Tensor, dict[str, float]]]:
    """Loss, its gradient in log_prob, and metrics of the loss that an actor config names, called as verl calls it."""

    def call(actor: ActorConfig, batch: Batch, name: str | None = None, **given: object):
        batch.log_prob.grad = None
        function = get_policy_loss_fn(name or actor.policy_loss.get("loss_mode", "vanilla"))
        loss, metrics = function(**batch._asdict(), config=actor, **({"rollout_is_weights": None} | given))
        loss.backward()
        assert batch.log_prob.grad is not None
        return loss.detach(), batch.log_prob.grad, metrics

    return call
