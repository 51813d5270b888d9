import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.utils import instantiate

from dgpo.config.compose import compose_config, resolved
from dgpo.tasks.small_model import character_tokenizer

TOKENIZER = character_tokenizer()


class Asked:
    """What is asked of the server, which says "7" to all."""

    def __init__(self) -> None:
        self.parameters: list[dict[str, Any]] = []

    async def generate(self, *, sampling_params: dict[str, Any], **request: Any) -> Any:
        self.parameters.append(sampling_params)
        ids = TOKENIZER.encode("7", add_special_tokens=False)
        return SimpleNamespace(token_ids=ids, log_probs=[-0.5], num_preempted=0, routed_experts=None, extra_fields={})


@pytest.mark.parametrize(("mode", "whole"), [("sync", True), ("colocate_async", False), ("separate_async", False)])
def test_the_server_is_asked_for_tokens_and_for_no_text(mode: str, whole: bool) -> None:
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap, _agent_loop_registry
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    options = ["actor_rollout_ref.model.path=none", f"trainer.v1.trainer_mode={mode}"]
    config = resolved(compose_config("quickstart", options))
    entry = _agent_loop_registry[config.actor_rollout_ref.rollout.agent.default_agent_loop]
    server = Asked()

    async def run() -> Any:
        loop = instantiate(
            entry,
            trainer_config=DictConfigWrap(config),
            server_manager=server,
            tokenizer=TOKENIZER,
            processor=None,
            hf_model_type="qwen2",
            dataset_cls=None,
            data_config=DictConfigWrap(config.data),
        )
        return await loop.run({"temperature": 0.5}, raw_prompt=[{"role": "user", "content": "3+4"}])

    output = asyncio.run(run())
    assert TOKENIZER.decode(output.response_ids) == "7"
    asked = SamplingParams(**server.parameters[0])
    assert (asked.temperature, asked.detokenize) == (0.5, False)
    assert (asked.output_kind == RequestOutputKind.FINAL_ONLY) is whole
