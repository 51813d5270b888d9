import functools
import json
import re
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks import check
from dgpo.config.compose import compose_config, config_dir, flat, of_training, resolved
from dgpo.config.memory.shape import find_shape
from dgpo.config.renamed_keys import OTHERS
from dgpo.errors import UserError
from dgpo.tasks import small_model

LOSS = "actor_rollout_ref.actor.policy_loss"
PARTS = {"rlvr", "reasoning"}
EXPERIMENTS = sorted({file.stem for file in config_dir().glob("*.yaml") if not file.stem.startswith("unlearn")} - PARTS)
METHODS = sorted(file.stem for file in (config_dir() / "policy_loss").glob("*.yaml"))


@functools.cache
def without_overrides(name: str) -> DictConfig:
    return resolved(compose_config(name))


def test_there_are_experiments_and_methods() -> None:
    assert "quickstart" in EXPERIMENTS and {"dgpo", "grpo", "gppo"} <= set(METHODS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_experiment_resolves(name: str) -> None:
    config = resolved(compose_config(name))
    assert config.actor_rollout_ref.rollout.name == "vllm"


def test_a_config_of_something_else_is_no_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--config-name=unlearn: it has no actor_rollout_ref.*dgpo unlearn train"):
        of_training("unlearn", compose_config("unlearn"))
    for more, lacks in (("", "run"), ("run: {name: mine}\n", "run.dir")):
        (tmp_path / "mine.yaml").write_text("defaults: [ppo_trainer, _self_]\n" + more)
        with pytest.raises(UserError, match=rf"mine: it has no {lacks}, .*let its defaults begin with rlvr"):
            of_training("mine", compose_config("mine", directory=tmp_path))
    with pytest.raises(UserError, match=rf"no path; write --config-dir={tmp_path} --config-name=mine$"):
        compose_config(f"{tmp_path}/mine.yaml")


@pytest.mark.parametrize(
    ("method", "key", "values"),
    [("dgpo", "n", (2, 1, 1)), ("ce_gppo", "beta1", (0.5, 0.75, 0.75)), ("maspo", "alpha", (0.5, 0.3, 0.3))],
)
def test_the_papers_values_go_with_the_model(method: str, key: str, values: tuple[float, ...]) -> None:
    for size, value in zip(("1_5b", "7b", "14b"), values, strict=True):
        # From another experiment: the model group alone decides.
        config = resolved(compose_config("dgpo_7b", [f"policy_loss={method}", f"model=r1_distill_qwen_{size}"]))
        assert config.actor_rollout_ref.actor.policy_loss[key] == value
    own = compose_config("dgpo_7b", [f"policy_loss={method}", f"{LOSS}.{key}=3"])
    assert resolved(own).actor_rollout_ref.actor.policy_loss[key] == 3


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("model=r1_distill_qwen_14b", "actor_rollout_ref.rollout.tensor_model_parallel_size", 4),
        ("budget=papers", "data.train_batch_size", 512),
        ("model=r1_distill_qwen_1_5b", "run.name", "dgpo-r1-distill-qwen-1.5b-0"),
        ("hardware=4x8", "trainer.nnodes", 4),
        ("hardware=1x1", "trainer.n_gpus_per_node", 1),
        ("gpu=141gb", "run.gpu_memory_gib", 139),
        ("data=deepscaler", "data.train_files", ["data/deepscaler.parquet"]),
        ("data=arithmetic", "data.val_files", "runs/quickstart/data/validation.parquet"),
        ("logging=tensorboard", "trainer.logger", ["file", "tensorboard"]),
        ("logging=offline", "ray_kwargs.ray_init.runtime_env.env_vars.WANDB_MODE", "offline"),
        ("policy_loss=grpo", "run.name", "grpo-r1-distill-qwen-7b-0"),
        ("seed=5", "actor_rollout_ref.rollout.seed", 5),
        ("seed=5", "data.seed", 5),
        ("seed=5", "run.name", "dgpo-r1-distill-qwen-7b-5"),
        ("algorithm.filter_groups.enable=true", "algorithm.filter_groups.enable", True),
        ("algorithm.rollout_correction.rollout_is=null", "algorithm.rollout_correction.rollout_is", None),
        ("+trainer_mode=colocate_async", "trainer.v1.trainer_mode", "colocate_async"),
    ],
)
def test_one_override_changes_what_it_names(override: str, key: str, value: object) -> None:
    after = resolved(compose_config("dgpo_7b", [override]))
    assert OmegaConf.select(after, key) == value != OmegaConf.select(without_overrides("dgpo_7b"), key)


@pytest.mark.parametrize("name", ["dgpo_1_5b", "dgpo_7b", "dgpo_7b_lora", "dgpo_14b"])
def test_verl_makes_its_dataclasses_of_each_experiment(name: str, tmp_path: Path) -> None:
    """Of actor, rollout, algorithm and model; the model's with the real sizes and a small tokenizer."""
    from verl.utils.config import omega_conf_to_dataclass

    shape = find_shape(compose_config(name).actor_rollout_ref.model.path)
    small_model.create(tmp_path, seed=0)
    file = tmp_path / "config.json"
    sizes = {"hidden_size": shape.hidden, "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads}
    sizes |= {"num_key_value_heads": shape.kv_heads, "intermediate_size": shape.intermediate}
    sizes |= {"vocab_size": shape.vocabulary, "max_position_embeddings": shape.positions, "tie_word_embeddings": False}
    settings = json.loads(file.read_text())
    file.write_text(json.dumps({**settings, **sizes, "head_dim": shape.head_dim, "layer_types": None}))

    config = resolved(compose_config(name, [f"actor_rollout_ref.model.path={tmp_path}"]))
    sections = config.actor_rollout_ref
    actor, rollout, model = (omega_conf_to_dataclass(sections[part]) for part in ("actor", "rollout", "model"))
    made = [type(each).__name__ for each in (actor, rollout, model, omega_conf_to_dataclass(config.algorithm))]
    assert made == ["FSDPActorConfig", "RolloutConfig", "HFModelConfig", "AlgoConfig"]
    assert model.hf_config.hidden_size == shape.hidden and model.use_remove_padding
    assert actor.policy_loss.method.name == "dgpo" and actor.engine.strategy == "fsdp2"
    assert config.data.train_batch_size // actor.ppo_mini_batch_size == 4
    assert find_shape(str(tmp_path)) == shape
    assert check(config, declared=True) == []


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_one_override(method: str) -> None:
    section = compose_config("quickstart", [f"policy_loss={method}"]).actor_rollout_ref.actor.policy_loss
    assert section.loss_mode.removeprefix("dgpo_") == method.removesuffix("_one_sided")
    assert section._target_.startswith("dgpo.losses.verl")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("trainer.total_trainng_steps=3", "write trainer.total_training_steps;"),
        ("actor_rollout_ref.actor.policy_los.n=1", f"write {LOSS}.n;"),
        ("actor.optim.lr=1e-6", "write actor_rollout_ref.actor.optim.lr;"),
        ("lr=1e-6", "write actor_rollout_ref.actor.optim.lr or critic.optim.lr; +lr=VALUE adds a key of your own"),
        ("trainer.save_steps=5", "write trainer.save_freq;"),
        ("reward_funcs=accuracy", "write reward.custom_reward_function.path;"),
        ("learning_rate=1", "write actor_rollout_ref.actor.optim.lr;"),
        ("ppo.epochs=1", "write actor_rollout_ref.actor.ppo_epochs or critic.ppo_epochs;"),
        ("algorithm.filter_groups={enabel:true}", "write algorithm.filter_groups.enable;"),
        ("reward.custom_reward_function.reward_kwargs={alpha:2}", "reward_kwargs.alpha=VALUE adds a key of your own"),
        ("nothing.like=1", "correct it, or +nothing.like=VALUE adds"),
        (f"{LOSS}.beta1=1", "policy_loss.beta1: quickstart has no such key; correct it"),
        # The authors' keys, and longer forms of our own.
        (f"{LOSS}.ratio_clip.dgpo_n=2", f"write {LOSS}.n instead"),
        (f"policy_loss@{LOSS}=grpo", f"policy_loss@{LOSS}=grpo: write policy_loss=grpo instead"),
        (f"{LOSS}.token_sample=64", f"{LOSS}.token_sample=64: write run.keep_rollouts instead"),
        # Choices of a group.
        ("policy_loss=dppo", "policy_loss=dppo: there is no such choice; use one of aspo, ce_gppo, "),
        ("hardware=tpu", "hardware=tpu: there is no such choice; use one of 1x1, "),
        ("gpu=80gb", "gpu: quickstart has no choice of it; write +gpu=NAME"),
        (f"{LOSS}=grpo", "actor.policy_loss=grpo: it is a section "),
        # What Hydra cannot read, and the text that it can.
        ("run.name=a(b", "put the value in quotes twice: 'run.name=\"a(b\"'"),
        ("run.dir=/data/x=1/$y", "put the value in quotes twice: 'run.dir=\"/data/x=1/$y\"'"),
        ('run.name=say "hi', '\'run.name="say \\"hi"\''),
        ("data.train_files=a.parquet,b.parquet", "for a list write 'data.train_files=[a.parquet,b.parquet]'"),
        ("seed", "seed: it is no override; write KEY=VALUE, as one word without spaces"),
        ("seed:3", "write KEY=VALUE"),
        ("seed = 3", "write seed=3"),
        ("seed= 3", "write seed=3"),
        ("--policy_loss=grpo", "an override has no dashes; write policy_loss=grpo"),
        ("--seed", "write seed=VALUE"),
        ("trainer/total_epochs=3", "write trainer.total_epochs=3"),
        ("trainer:total_epochs=3", "write trainer.total_epochs=3"),
        ("trainer..total_epochs=3", "write trainer.total_epochs=3"),
        ("=3", "=3: it is no override; write KEY=VALUE"),
        ("policy_loss=[grpo,dgpo]", "it must be the name of a file in configs/policy_loss"),
        ("hydra.run.dir=x", "hydra.run.dir=x: Hydra only composes here"),
    ],
)
def test_a_wrong_override_is_refused_with_what_is_meant(override: str, says: str) -> None:
    with pytest.raises(UserError) as refused:
        resolved(compose_config("quickstart", [override]))
    assert says in str(refused.value) and "multirun" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"run:\n\tname: x\n", r"^config mine: while scanning .* that cannot start any token in .*, line 2, column 1$"),
        (b"run: {name: x}\n", "config mine: it builds on none; let its defaults begin with rlvr"),
        ("# größer\ndefaults: [rlvr, _self_]\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_config_is_told_what_it_lacks(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(UserError, match=says):
        compose_config("mine", ["seed=1"], tmp_path)


def test_what_stands_for_an_option_of_another_trainer_is_an_option() -> None:
    keys = flat(without_overrides("quickstart"))
    assert set(OTHERS.values()) <= keys.keys() and not any(key.rpartition(".")[2] in OTHERS for key in keys)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("${oc.env:NO_SUCH}", "give it a value, or ${oc.env:NAME,DEFAULT}"),
        ("${run.rate}", "correct what it refers to"),
        ("${env:HOME}", "correct what it refers to"),
        ("???", "write {key}=VALUE"),
    ],
)
@pytest.mark.parametrize("key", ["run.dir", "seed", "run.name"])
def test_an_interpolation_that_leads_nowhere_is_told_at_its_key(key: str, value: str, says: str) -> None:
    with pytest.raises(UserError, match=rf"^{key}: .*; {re.escape(says.replace('{key}', key))}$"):
        resolved(compose_config("quickstart", [f"{key}={value}"]))


def test_configs_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "defaults: [rlvr, hardware: cpu, _self_]\nrun: {name: mine}\nactor_rollout_ref: {model: {path: m}}\n"
    )
    config = resolved(compose_config("mine", directory=tmp_path))
    assert (config.run.dir, config.trainer.device) == ("runs/mine", "cpu")
    with pytest.raises(UserError, match="no such folder"):
        compose_config("mine", directory=tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("mine", "defaults: [_self_, quickstart]\nseed: 7\n", "seed=7 does nothing, for its defaults make it 0"),
        (
            "mine",
            "defaults: [quickstart, _self_]\nhydra: {run: {dir: out}}\n",
            "hydra.run.dir=out: Hydra only composes here",
        ),
        ("quickstart", "defaults: [quickstart, _self_]\n", "its defaults lead back to itself"),
        ("other", "defaults: [quickstart, _self_]\n", "there is no mine.yaml in .* \\(it has other\\); .*--config-dir"),
        ("mine", "defaults: [quickstart, hardware: tpu, _self_]\n", "hardware"),
    ],
)
def test_a_config_of_ones_own_that_would_not_count_is_refused(
    name: str, content: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.yaml").write_text(content)
    with pytest.raises(UserError, match=says):
        compose_config("mine" if name == "other" else name, directory=tmp_path)


def test_a_config_of_ours_takes_choices_of_ones_own_folder_first(tmp_path: Path) -> None:
    (tmp_path / "policy_loss").mkdir()
    for name in ("fade", "dgpo"):
        (tmp_path / f"policy_loss/{name}.yaml").write_text(
            "# @package actor_rollout_ref.actor.policy_loss\nwidth: 0.5\n"
        )
        assert compose_config("quickstart", [f"policy_loss={name}"], tmp_path).actor_rollout_ref.actor.policy_loss.width


def test_an_override_may_replace_what_a_config_says(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [quickstart, _self_]\nseed: 7\nrun: {name: 'x'}\n")
    assert compose_config("mine", ["seed=8", "++run.name=y"], tmp_path).seed == 8
    assert compose_config("quickstart", ["+budget=papers"]).data.train_batch_size == 512


@pytest.mark.parametrize(
    "given", ["~/runs/a", "/data/läufe/a", "/data/运行 1/a@b", "/data/lr=1e-5/n=4", '"/data/x=1/y(2)"']
)
def test_a_path_needs_no_quotes_for_signs_that_hydra_s_grammar_lacks(given: str) -> None:
    assert compose_config("quickstart", [f"run.dir={given}"]).run.dir == given.strip('"')
