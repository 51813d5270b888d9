"""Configs for machines that are not here: each is sound by itself, and what would fail there is refused here."""

import functools
import json
from pathlib import Path

import pytest
import ray
import yaml
from omegaconf import DictConfig, OmegaConf

from dgpo.cli import main
from dgpo.config.checks import check
from dgpo.config.compose import compose_config, config_dir, resolved
from dgpo.tasks import small_model

ACTOR = "actor_rollout_ref.actor"
FUSED = "actor_rollout_ref.model.use_fused_kernels=true"
ENGINE = f"{ACTOR}.fsdp_config"
# For an entropy with gradients, which takes 12 bytes a token and word of the vocabulary.
SHORT = f"{ACTOR}.ppo_max_token_len_per_gpu=16384"
ROLLOUT = "actor_rollout_ref.rollout"
METHODS = sorted(file.stem for file in (config_dir() / "policy_loss").glob("*.yaml"))
# Each experiment, on the nodes that it fits.
PLACES = {
    "dgpo_1_5b": ["1x1", "1x8", "2x8", "4x8"],
    "dgpo_7b": ["1x8", "2x8", "4x8"],
    "dgpo_7b_lora": ["1x1", "1x8"],
    "dgpo_14b": ["1x8", "2x8", "4x8"],
}


@functools.cache
def composed(name: str, groups: tuple[str, ...]) -> DictConfig:
    return compose_config(name, groups)


def problems(name: str, *overrides: str) -> list[str]:
    """What is found in a config; keys are set in a copy of it, because composing takes longest."""
    groups = tuple(override for override in overrides if "." not in override.split("=")[0] or "@" in override)
    config = composed(name, groups).copy()
    for override in overrides:
        if override not in groups:
            key, value = override.split("=", 1)
            OmegaConf.update(config, key, yaml.safe_load(value))
    return [str(problem) for problem in check(resolved(config), declared=True)]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_sound(method: str) -> None:
    needed = {"verl_dro": ["actor_rollout_ref.actor.policy_loss.dro_beta=0.1"]}
    assert problems("dgpo_7b", f"policy_loss={method}", *needed.get(method, [])) == []


@pytest.mark.parametrize(("name", "hardware"), [(name, place) for name in PLACES for place in PLACES[name]])
def test_each_model_is_sound_on_the_nodes_it_fits(name: str, hardware: str) -> None:
    assert problems(name, f"hardware={hardware}") == []
    assert not ray.is_initialized()


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("groups", [["gpu=141gb"], ["budget=papers"], ["+trainer_mode=separate_async"]])
def test_each_model_is_sound_on_larger_gpus_with_larger_batches_and_asynchronously(
    name: str, groups: list[str]
) -> None:
    # Weights that travel to other GPUs take no adapter with them.
    merged = ["actor_rollout_ref.model.lora.merge=true"] if "lora" in name else []
    assert problems(name, *groups, *merged) == []


def test_a_model_too_large_for_one_gpu_is_refused_with_what_would_do() -> None:
    (problem,) = problems("dgpo_14b", "hardware=1x1")
    assert problem.startswith("error: run.gpu_memory_gib=79: update, head needs")
    assert "it fits with" in problem and f"{ENGINE}.offload_policy=true" in problem
    assert problems("dgpo_14b", "hardware=1x1", f"{ENGINE}.offload_policy=true") == []


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            [f"{ENGINE}.ulysses_sequence_parallel_size=8"],
            f"{ENGINE}.ulysses_sequence_parallel_size=8: it does not divide the model",
        ),
        (
            [f"{ACTOR}.ulysses_sequence_parallel_size=8"],
            f"{ACTOR}.ulysses_sequence_parallel_size=8: it does not divide the model",
        ),
        ([f"{ENGINE}.ulysses_sequence_parallel_size=3"], "does not divide the 8 GPUs"),
        (
            [f"{ENGINE}.ulysses_sequence_parallel_size=2", "actor_rollout_ref.model.use_remove_padding=false"],
            "sequences are shared only where they are packed",
        ),
        ([f"{ENGINE}.fsdp_size=3"], "fsdp_size=3: it does not divide the 8 GPUs"),
        ([f"{ACTOR}.ppo_max_token_len_per_gpu=8192"], "ppo_max_token_len_per_gpu=8192: times ulysses 1"),
        ([f"{ROLLOUT}.log_prob_max_token_len_per_gpu=8192"], "log_prob_max_token_len_per_gpu=8192: times ulysses 1"),
        ([f"{ROLLOUT}.tensor_model_parallel_size=16"], "a replica would need more than the 8 GPUs of a node"),
        ([f"{ROLLOUT}.tensor_model_parallel_size=3"], "does not divide the 8 GPUs of a node"),
        ([f"{ROLLOUT}.tensor_model_parallel_size=8"], "does not split the model's 28 heads"),
        (["data.max_response_length=140000"], "the model has 131072 positions"),
        ([f"{ROLLOUT}.max_model_len=8192"], "max_model_len=8192"),
        (["data.max_response_length=16384"], "set it to 17408 or more"),
        ([f"{ACTOR}.ppo_mini_batch_size=1", f"{ROLLOUT}.n=2", "hardware=2x8"], "samples (2 a prompt) do not divide"),
        ([f"{ROLLOUT}.gpu_memory_utilization=0.05"], "the KV cache of a replica holds 0 tokens"),
        (
            ["algorithm.filter_groups.enable=true", "algorithm.filter_groups.metric=accuracy"],
            "filter_groups.metric=accuracy",
        ),
        (
            ["algorithm.filter_groups.enable=true", "algorithm.filter_groups.max_num_gen_batches=10"],
            "max_num_gen_batches=10: verl 0.9 ignores it",
        ),
        (
            ["algorithm.filter_groups.enable=true", "algorithm.filter_groups.max_inflight_gen_batches=0"],
            "max_inflight_gen_batches=0",
        ),
        ([FUSED], "use_fused_kernels=True: under FSDP2"),
        ([FUSED, f"{ACTOR}.strategy=fsdp"], "use_fused_kernels computes the entropy"),
        ([f"{ACTOR}.shuffle=false"], "shuffle=False: the updates of a step would take the answers as they were"),
        ([f"{ROLLOUT}.calculate_log_probs=false"], "rollout_is=token needs vLLM's log-probs"),
        (
            [f"{ROLLOUT}.val_kwargs.do_sample=false"],
            "verl 0.9 ignores it, and draws answers at val_kwargs.temperature=0.6",
        ),
        (["trainer.test_freq=0"], "run.keep_best has nothing to choose from"),
        (["trainer.save_freq=-1"], "run.keep_best has nothing to choose from"),
    ],
)
def test_what_would_fail_on_the_cluster_is_refused_here(overrides: list[str], says: str) -> None:
    found = problems("dgpo_7b", *overrides)
    assert any(says in problem and problem.startswith("error") for problem in found), found


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            [
                "algorithm.filter_groups.enable=true",
                "algorithm.filter_groups.metric=reward",
                "reward.custom_reward_function.reward_kwargs.overlong_buffer=4096",
            ],
            "hardly any group has equal rewards",
        ),
        ([f"{ACTOR}.kl_loss_coef=0.01"], f"it does nothing while {ACTOR}.use_kl_loss is False"),
        ([f"{ROLLOUT}.top_p=0.95"], "answers leave out what is unlikely"),
        (["algorithm.kl_ctrl.kl_coef=0.01"], "set algorithm.use_kl_in_reward=true too, or leave it out"),
        (["trainer.test_freq=15"], "few steps are both validated and saved"),
        # What does not fit by an estimate alone.
        ([f"{ACTOR}.ppo_max_token_len_per_gpu=131072"], "run.gpu_memory_gib=79: update, head needs"),
        ([SHORT, f"{ACTOR}.calculate_entropy=true"], "calculate_entropy=True: each update would go"),
    ],
)
def test_what_may_be_meant_is_warned_about(overrides: list[str], says: str) -> None:
    (problem,) = problems("dgpo_7b", *overrides)
    assert problem.startswith("warning") and says in problem


@pytest.mark.parametrize(
    "overrides",
    [
        ["algorithm.filter_groups.enable=true"],
        ["reward.custom_reward_function.reward_kwargs.overlong_buffer=4096"],
        ["algorithm.rollout_correction.rollout_is=null"],
        [FUSED, f"{ACTOR}.strategy=fsdp", f"{ENGINE}.entropy_from_logits_with_chunking=false"],
        [SHORT, f"{ACTOR}.calculate_entropy=true", f"{ACTOR}.entropy_coeff=0.001"],
        [f"{ACTOR}.ppo_mini_batch_size=128", f"{ACTOR}.shuffle=false", f"{ACTOR}.ppo_epochs=2"],
        ["+trainer_mode=separate_async", f"{ACTOR}.shuffle=false"],
        ["data=deepscaler", "logging=offline"],
        ["logging=tensorboard"],
        [f"{ACTOR}.kl_loss_coef=0", "algorithm.kl_ctrl.kl_coef=0"],
    ],
)
def test_the_switches_are_sound(overrides: list[str]) -> None:
    assert problems("dgpo_7b", *overrides) == []


def test_the_command_believes_the_config_and_looks_at_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--declared", "--config-name", "dgpo_7b"]) == 0
    assert "ready" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(["check", "--declared", "--config-name", "dgpo_7b", f"{ENGINE}.ulysses_sequence_parallel_size=8"]) == 2


def test_fused_kernels_are_sound_where_the_output_layer_is_the_embedding(tmp_path: Path) -> None:
    model = tmp_path / "model"
    small_model.create(model, seed=0)
    untied = json.loads((model / "config.json").read_text())
    overrides = [FUSED, f"{ENGINE}.entropy_from_logits_with_chunking=false", f"actor_rollout_ref.model.path={model}"]
    fused = [problem for problem in problems("dgpo_7b", *overrides) if "use_fused_kernels" in problem]
    assert len(fused) == 1
    (model / "config.json").write_text(json.dumps({**untied, "tie_word_embeddings": True}))
    assert not any("use_fused_kernels" in problem for problem in problems("dgpo_7b", *overrides))
