"""A replay buffer that asks more often whether the rollouts are done.

Chosen by ``trainer.v1.sampler.custom_sampler``. verl's own asks every 2 s (``v1/replay_buffer.py``,
``poll_interval``, not to be set from a config), which a small model's steps are shorter than.
"""

from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

POLL_INTERVAL_S = 0.05


class FastPollReplayBuffer(ReplayBuffer):
    """verl's synchronous replay buffer at 20 polls a second; a poll reads tags only."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs, poll_interval=POLL_INTERVAL_S)
