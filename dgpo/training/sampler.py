"""Replay buffers that ask more often whether the rollouts are done.

Chosen by ``trainer.v1.sampler.custom_sampler``. verl's own ask every 2 s (``v1/replay_buffer.py``,
``poll_interval``, not to be set from a config), which a small model's steps are shorter than.
"""

from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

POLL_INTERVAL_S = 0.05


def fast_polling(trainer_mode: str, **kwargs: Any) -> ReplayBuffer:
    """verl's replay buffer for ``trainer_mode`` at 20 polls a second; a poll reads tags only.

    The asynchronous trainers need verl's asynchronous one: it drops or awaits what has become too old.
    """
    buffer = ReplayBuffer if trainer_mode == "sync" else ReplayBufferAsync
    return buffer(trainer_mode=trainer_mode, poll_interval=POLL_INTERVAL_S, **kwargs)
