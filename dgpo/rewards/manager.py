"""verl's reward manager that tells the reward function how long a response was, in tokens.

reward.reward_manager.source=importlib
reward.reward_manager.module.path=pkg://dgpo.rewards.manager
reward.reward_manager.name=MathRewardManager
"""

from pathlib import Path
from typing import Any, cast

import numpy as np
from transformers import GenerationConfig
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
from verl.protocol import DataProtoItem

from dgpo.rewards.verl import RESPONSE_FACTS
from dgpo.verifier.workers import shared_pool


class MathRewardManager(NaiveRewardManager):
    """verl's naive manager, with the response's length in ``extra_info[RESPONSE_FACTS]``.

    ``tokens``: of the response, the end-of-sequence token included. ``longest``: the length at which generation
    was cut off. ``truncated``: whether it was, that is, the response is that long and does not end the sequence.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **kwargs: Any):
        super().__init__(config, tokenizer, compute_score, **kwargs)
        if config.reward.custom_reward_function.path == "pkg://dgpo.rewards.verl":
            # Now, where a math-verify that does not start ends the run with its reason, and costs no response a wait.
            shared_pool().start()
        self._longest: int = config.actor_rollout_ref.rollout.response_length
        self._ends = end_tokens(config.actor_rollout_ref.model.path, tokenizer.eos_token_id)

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        # The last output of the session, as verl's manager takes it.
        item = cast(DataProtoItem, data[-1])
        responses = item.batch["responses"]
        tokens = int(np.count_nonzero(item.batch["attention_mask"][-len(responses) :].numpy()))
        ended = tokens > 0 and int(responses[tokens - 1]) in self._ends
        facts = {
            "tokens": tokens,
            "longest": self._longest,
            "truncated": tokens >= self._longest and not ended,
        }
        # In a dictionary of its own: the responses to a prompt may share theirs.
        infos = data.non_tensor_batch.get("extra_info", np.array([{}] * len(data), dtype=object)).copy()
        infos[-1] = {**infos[-1], RESPONSE_FACTS: facts}
        data.non_tensor_batch["extra_info"] = infos
        return await super().run_single(data)  # pyright: ignore[reportAbstractUsage]


def end_tokens(model: str, eos_token_id: int | None) -> set[int]:
    """Ids that end a sequence: the tokenizer's, and those of the model's generation config, as vLLM has it."""
    ends = {eos_token_id} if eos_token_id is not None else set()
    if (Path(model).expanduser() / "generation_config.json").is_file():
        more = GenerationConfig.from_pretrained(str(Path(model).expanduser())).eos_token_id
        ends |= {more} if isinstance(more, int) else set(more or ())
    return ends
