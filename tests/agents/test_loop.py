"""verl's agent loop with a server that says what a script says: tokens, masks, spans, in both layouts."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from dgpo.agents.environment import Task
from dgpo.config.compose import compose_config, resolved
from dgpo.tasks.small_model import character_tokenizer
from tests.agents.conftest import rough

TOKENIZER = character_tokenizer()
PROMPT = [{"role": "system", "content": "Count."}]


class Script:
    """Says each text in turn, and ends it where it fits."""

    def __init__(self, *texts: str):
        self.texts, self.prompts = list(texts), []

    async def generate(self, *, request_id: str, prompt_ids: list[int], sampling_params: dict[str, Any]) -> Any:
        self.prompts.append(TOKENIZER.decode(prompt_ids))
        ids = [*TOKENIZER.encode(self.texts.pop(0), add_special_tokens=False), TOKENIZER.eos_token_id]
        ids = ids[: sampling_params["max_tokens"]]
        version = len(self.prompts)
        fields = {"min_global_steps": version, "max_global_steps": version}
        return SimpleNamespace(token_ids=ids, log_probs=[-0.5] * len(ids), extra_fields=fields)


def played(script: Script, task: Task, **settings: Any) -> list[Any]:
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap

    from dgpo.agents.verl import EnvironmentLoop

    config = resolved(compose_config("agents", ["actor_rollout_ref.model.path=none"]))
    config = OmegaConf.merge(config, OmegaConf.create({"agent": {"hosts": 1, "deadline": 5, **settings}}))

    async def run() -> list[Any]:
        loop = EnvironmentLoop(
            trainer_config=DictConfigWrap(config),
            server_manager=script,  # pyright: ignore[reportArgumentType]
            tokenizer=TOKENIZER,  # pyright: ignore[reportArgumentType]
            processor=None,  # pyright: ignore[reportArgumentType]
            dataset_cls=None,  # pyright: ignore[reportArgumentType]
            data_config=DictConfigWrap(config.data),
            hf_model_type="qwen2",
        )
        return await loop.run({"logprobs": True}, raw_prompt=PROMPT, extra_info={"env": task})

    return asyncio.run(run())


def spans(output: Any) -> list[str]:
    return [TOKENIZER.decode(output.response_ids[t["start"] : t["end"]]) for t in output.extra_fields["turns"]]


def test_a_trajectory_is_one_sequence_whose_own_tokens_alone_are_learnt() -> None:
    [output] = played(Script("go", "up", "go"), rough(told=True))
    whole = [*PROMPT]
    heard = ["count 0 of seed 0", "count 1\nactions: go, stay", "count 2\nactions: go, stay"]
    for text, said in zip(heard, ("go", "up", "go"), strict=True):
        whole += [{"role": "user", "content": text}, {"role": "assistant", "content": said}]
    rendered = TOKENIZER.apply_chat_template(whole, tokenize=False)
    assert TOKENIZER.decode(output.prompt_ids + output.response_ids) == str(rendered).removesuffix("\n")
    own = [token for token, mask in zip(output.response_ids, output.response_mask, strict=True) if mask]
    assert TOKENIZER.decode(own) == "go<|im_end|>up<|im_end|>go<|im_end|>"
    assert spans(output) == ["go<|im_end|>", "up<|im_end|>", "go<|im_end|>"]
    fields = output.extra_fields
    assert [t["observation"] for t in fields["turns"]] == ["count 0 of seed 0", "count 1", "count 2"]
    assert [t["reward"] for t in fields["turns"]] == [0, 0, 1] and output.reward_score == 1
    assert fields["success"] and not fields["lost"]
    assert (fields["min_global_steps"], fields["max_global_steps"]) == (1, 3)
    assert len(output.response_logprobs) == len(output.response_ids)


def test_layout_turn_shows_first_and_last_turns_and_credits_the_same() -> None:
    script = Script("go", "up", "go")
    outputs = played(script, rough(), layout="turn", history=1)
    assert [spans(each) for each in outputs] == [["go<|im_end|>"], ["up<|im_end|>"], ["go<|im_end|>"]]
    assert all(each.response_mask == [1] * len(each.response_ids) for each in outputs)
    told = "count 0 of seed 0\ncount 1\n> up\ncount 2\nactions: go, stay"
    assert script.prompts[2].split("user\n")[1].startswith(told)
    assert outputs[0].extra_fields.keys() == outputs[2].extra_fields.keys()

    from dgpo.advantages.trajectories import trajectories_of

    [whole] = played(Script("go", "up", "go"), rough())
    one = trajectories_of(["p_0_0"], [whole.extra_fields], [False])["p", "0"]
    rows = [each.extra_fields for each in outputs]
    keys = ["p_0_2", "p_0_0", "p_0_1", "x_0_0"]
    many = trajectories_of(keys, [rows[2], rows[0], rows[1], rows[0]], [False] * 3 + [True])
    assert list(many) == [("p", "0")]
    assert {**many["p", "0"], "spans": None} == {**one, "spans": None}
    assert [place for place, _ in many["p", "0"]["spans"]] == [1, 2, 0]


@pytest.mark.parametrize("layout", ["trajectory", "turn"])
def test_what_an_environment_loses_is_learnt_from_by_none(layout: str) -> None:
    outputs = played(Script("go", "go"), rough("raises"), layout=layout)
    assert all("the game is broken" in each.extra_fields["lost"] for each in outputs)
    assert all(not any(each.response_mask) and each.response_ids for each in outputs)
    assert outputs[-1].extra_fields["reward_extra_info"]["lost"] == 1


def test_what_cannot_begin_is_lost_too() -> None:
    [output] = played(Script("go"), {"id": "Nowhere-v0", "kwargs": "{}", "seed": 0})
    assert "no environment can be loaded" in output.extra_fields["lost"] and not any(output.response_mask)


def test_a_success_that_is_never_told_loses_the_episode_unless_the_reward_tells_it() -> None:
    [output] = played(Script("a", "b", "c"), rough(told=False))
    assert "it ended without info['success']" in output.extra_fields["lost"]
    [output] = played(Script("a", "b", "c"), rough(told=False), success="reward")
    assert output.extra_fields["success"] and not output.extra_fields["lost"]
    [output] = played(Script("a", "b"), rough(told=False), max_turns=2)
    assert not output.extra_fields["success"] and not output.extra_fields["lost"]


def test_an_answer_without_its_tag_changes_nothing_but_its_reward() -> None:
    texts = ("hm", "<action>go</action>", "<action> go </action>")
    [output] = played(Script(*texts), rough(), action_tag="action", max_turns=3, max_action_tokens=30)
    turns = output.extra_fields["turns"]
    assert [t["valid"] for t in turns] == [False, True, True]
    assert [t["reward"] for t in turns] == [-0.1, 0, 0]
    assert [t["observation"] for t in turns] == ["count 0 of seed 0", "count 0 of seed 0", "count 1"]
    assert not output.extra_fields["success"]


def test_an_episode_ends_where_the_response_is_full() -> None:
    [output] = played(Script(*["x" * 200] * 3), rough(), max_action_tokens=200)
    assert len(output.response_ids) <= 320 and 1 <= len(output.extra_fields["turns"]) <= 2
    assert not output.extra_fields["success"]
