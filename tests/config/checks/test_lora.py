"""LoRA that would train something else than it says is refused, with key, value and remedy."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from dgpo.config.checks.lora import lora
from dgpo.config.checks.options import switched_off, verl_keys
from dgpo.config.compose import compose_config, resolved
from dgpo.config.memory.lora import Lora, Pattern, adapter_parameters
from dgpo.config.memory.shape import find_shape

MODEL = "actor_rollout_ref.model"
RANK = f"{MODEL}.lora_rank"


@functools.cache
def quickstart() -> DictConfig:
    return resolved(compose_config("quickstart"))


def problems(model: Path, *overrides: str) -> list[str]:
    changes = OmegaConf.from_dotlist([f"{MODEL}.path={model}", *overrides])
    config: Any = OmegaConf.merge(quickstart(), changes)
    return [str(finding) for check in (verl_keys, switched_off, lora) for finding in check(config)]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        [f"{RANK}=8"],
        [f"{RANK}=8", f"{MODEL}.target_modules=[q_proj,layers.1.mlp.up_proj]"],
        [
            f"{RANK}=8",
            rf"{MODEL}.target_modules='.*\.(q|v)_proj'",
            f"{MODEL}.exclude_modules=[layers.0.self_attn.q_proj]",
        ],
        [f"{RANK}=8", f"{MODEL}.lora_alpha=32", "actor_rollout_ref.rollout.checkpoint_engine.backend=naive"],
    ],
)
def test_what_trains_as_it_says_passes(overrides: list[str], untrained: Path) -> None:
    assert problems(untrained, *overrides) == []


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ["lora_alpha=32"],
            "lora_alpha=32: it does nothing while actor_rollout_ref.model.lora_rank is 0",
        ),
        (["target_modules=[q_proj]"], "it does nothing while"),
        (["exclude_modules=[q_proj]"], "it does nothing while"),
        (["lora_adapter_path=adapters/mine"], "lora_adapter_path=adapters/mine: it does"),
        (["lora.merge=true"], "lora.merge=True: it does"),
        (["lora.rank=8"], "lora.rank=8: verl 0.9 ignores this key"),
        (["lora_rank=8", "lora.alpha=8"], "set actor_rollout_ref.model.lora_alpha instead"),
        (["lora_rank=8", "target_modules=[q_proj,vproj]"], "vproj: there is no such linear layer"),
        (["lora_rank=8", "target_modules=[q_proj,lm_head]"], "lm_head: there is no such linear layer"),
        (["lora_rank=8", "target_modules='q_proj,v_proj'"], "as an expression it fits the whole name of no"),
        (["lora_rank=8", "target_modules=q_proj"], "as an expression it fits the whole name of no"),
        (["lora_rank=8", "target_modules='(q'"], "target_modules=(q: it names no layers"),
        (["lora_rank=8", "target_modules=[q_proj]", "exclude_modules=[q_proj]"], "it leaves no layer to adapt"),
        (["lora_rank=8", "exclude_modules=[embed]"], "exclude_modules=['embed']: embed: there is no such"),
        (
            ["lora_rank=8", "lora_adapter_path=nowhere"],
            "lora_adapter_path=nowhere: its adapter_config.json cannot be read",
        ),
    ],
)
def test_what_would_not_is_refused(overrides: list[str], says: str, untrained: Path) -> None:
    found = problems(untrained, *(f"{MODEL}.{override}" for override in overrides))
    assert len(found) == 1 and says in found[0], found


def test_rollouts_that_would_get_the_base_model_are_refused(untrained: Path) -> None:
    separate = ["actor_rollout_ref.rollout.checkpoint_engine.backend=gloo", f"{RANK}=8"]
    assert "would get the base model" in problems(untrained, *separate)[0]
    hf = "actor_rollout_ref.actor.checkpoint.save_contents=[model,hf_model]"
    assert "use dgpo export" in problems(untrained, f"{RANK}=8", hf)[0]


def test_an_adapter_to_start_from_is_of_the_same_size_and_plain(untrained: Path, tmp_path: Path) -> None:
    settings = {"r": 8, "lora_alpha": 16, "use_dora": False}
    path = f"{MODEL}.lora_adapter_path={tmp_path}"
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(settings))
    assert problems(untrained, path, f"{RANK}=8") == []
    assert "lora_rank=4: the adapter in" in problems(untrained, path, f"{RANK}=4")[0]
    file.write_text(json.dumps(settings | {"use_dora": True}))
    assert "use_dora=True, which a checkpoint does not record" in problems(untrained, path, f"{RANK}=8")[0]


@pytest.mark.parametrize(
    ("targets", "excluded"),
    [
        ("all-linear", ()),
        ("all-linear", ("down_proj",)),
        (("q_proj", "layers.1.mlp.up_proj"), ()),
        (r".*\.(q|v)_proj", r".*layers\.0\..*"),
    ],
)
def test_the_layers_are_those_that_peft_adapts(targets: Pattern, excluded: Pattern, untrained: Path) -> None:
    asked = Lora(4, targets, excluded)
    plain = {
        "target_modules": targets if isinstance(targets, str) else list(targets),
        "exclude_modules": excluded if isinstance(excluded, str) else list(excluded) or None,
    }
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(untrained))
    model = get_peft_model(model, LoraConfig(r=4, task_type="CAUSAL_LM", **plain))  # pyright: ignore[reportArgumentType]
    assert adapter_parameters(find_shape(str(untrained)), asked) == model.get_nb_trainable_parameters()[0]
