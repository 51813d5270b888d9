"""The updates of a step, by verl's own replay buffer, balancing and mini-batches over a real TransferQueue."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import ray
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils as tu

from dgpo.config.compose import compose_config

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
PROMPTS, SAMPLES, RANKS, UPDATES = 64, 8, 2, 4


@pytest.fixture(scope="module")
def transfer_queue() -> Iterator[None]:
    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    storage = {"total_storage_size": 10_000, "num_data_storage_units": 1}
    tq.init(OmegaConf.create({"backend": {"storage_backend": "SimpleStorage", "SimpleStorage": storage}}))
    yield
    tq.close()
    ray.shutdown()


def answers() -> tuple[np.ndarray, np.ndarray]:
    """Lengths and advantages of each prompt's answers: half are right, and those are half as long."""
    generator = np.random.default_rng(0)
    right = np.stack([generator.permutation(SAMPLES) < SAMPLES // 2 for _ in range(PROMPTS)])
    length = np.where(right, 2000, 4000) * np.exp(generator.normal(0, 0.3, right.shape))
    return length.astype(int), np.where(right, 1.0, -1.0)


def sampled(length: np.ndarray) -> np.ndarray:
    """Prompt and answer of each sample of the step, rank after rank: they were finished in the order of their lengths,
    verl's buffer took them, and verl dealt them out so that each rank has as many tokens as the others."""
    uids = [f"{prompt:08x}" for prompt in range(PROMPTS)]
    tag = {"is_prompt": True, "global_steps": 1}
    tq.kv_batch_put(keys=uids, partition_id="train", tags=[{**tag, "status": "pending"}] * PROMPTS)
    for one in np.argsort(length, axis=None).tolist():
        prompt, answer = divmod(one, SAMPLES)
        tq.kv_batch_put(
            keys=[f"{uids[prompt]}_{answer}_0"],
            partition_id="train",
            fields=TensorDict({"one": torch.tensor([one])}, batch_size=1),
            tags=[{"status": "success", "seq_len": int(length[prompt, answer])}],
        )
    tq.kv_batch_put(keys=uids, partition_id="train", tags=[{**tag, "status": "finished"}] * PROMPTS)
    buffer = ReplayBuffer(
        trainer_mode="sync",
        trainer_config=OmegaConf.create({}),
        max_off_policy_threshold=None,
        max_off_policy_strategy="drop",
        sampler_kwargs=OmegaConf.create({}),
        poll_interval=0.1,
        train_batch_size=PROMPTS,
    )
    batch, _ = buffer.sample(global_steps=1, partition_id="train", batch_size=PROMPTS)
    trainer = SimpleNamespace(
        actor_rollout_wg=SimpleNamespace(_dispatch_info={"actor": list(range(RANKS))}),
        tokenizer=SimpleNamespace(eos_token_id=0),
        _get_required_batch_multiple=lambda ranks: ranks,
    )
    batch = PPOTrainer._balance_batch(trainer, batch, metrics={})  # pyright: ignore[reportArgumentType]
    tq.kv_clear(keys=batch.keys, partition_id="train")
    return np.array([[int(key.split("_")[0], 16), int(key.split("_")[1])] for key in batch.keys])


def updates(samples: np.ndarray, overrides: list[str]) -> list[np.ndarray]:
    """The samples of each update, as verl's workers split what the trainer sends them."""
    actor = compose_config("quickstart", overrides).actor_rollout_ref.actor
    ranks = samples.reshape(RANKS, -1, 2)
    iterators = [
        tu.make_iterator(
            TensorDict({"sample": torch.from_numpy(share)}, batch_size=len(share)),
            mini_batch_size=len(share) // UPDATES,
            epochs=1,
            seed=actor.data_loader_seed + rank,
            dataloader_kwargs={"shuffle": actor.shuffle},
        )
        for rank, share in enumerate(ranks)
    ]
    return [np.concatenate([part["sample"].numpy() for part in parts]) for parts in zip(*iterators, strict=True)]


def test_the_updates_of_a_step_are_alike_and_in_verls_own_order_they_are_not(transfer_queue: None) -> None:
    length, advantage = answers()
    samples = sampled(length)
    assert len(samples) == PROMPTS * SAMPLES

    def means(overrides: list[str]) -> tuple[list[float], list[float]]:
        parts = [(update[:, 0], update[:, 1]) for update in updates(samples, overrides)]
        return [length[part].mean() for part in parts], [advantage[part].mean() for part in parts]

    lengths, advantages = means([])
    assert max(lengths) < 1.2 * min(lengths) and max(map(abs, advantages)) < 0.25
    lengths, advantages = means(["actor_rollout_ref.actor.shuffle=false"])
    assert lengths == sorted(lengths) and lengths[-1] > 2 * lengths[0]
    assert advantages[0] > 0.75 and advantages[-1] < -0.75
