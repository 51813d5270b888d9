"""The command on the composed configs; what it recommends is composed and planned again."""

import json
from typing import Any

import pytest

from dgpo.cli import main
from dgpo.config.checks import check
from dgpo.config.compose import compose_config, resolved

ACTOR = "actor_rollout_ref.actor"
SAMPLES = [
    f"{ACTOR}.use_dynamic_bsz=false",
    f"{ACTOR}.ppo_micro_batch_size_per_gpu=32",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=16",
]
LONG = [
    "data.max_response_length=60000",
    "actor_rollout_ref.rollout.max_model_len=61024",
    f"{ACTOR}.ppo_max_token_len_per_gpu=65536",
    "run.gpu_memory_gib=16",
]
LONG += [f"{ACTOR}.ulysses_sequence_parallel_size=2", "actor_rollout_ref.rollout.gpu_memory_utilization=0.7"]
PLAIN = ["actor_rollout_ref.model.use_fused_kernels=false", f"{ACTOR}.calculate_entropy=false"]
PLAIN += [f"{ACTOR}.fsdp_config.entropy_from_logits_with_chunking=true"]


@pytest.mark.parametrize("name", ["dgpo_1_5b", "dgpo_7b", "dgpo_14b"])
@pytest.mark.parametrize("gpu", ["80gb", "141gb"])
def test_each_experiment_fits_its_hardware(name: str, gpu: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config-name", name, f"gpu={gpu}"]) == 0
    said = capsys.readouterr().out
    assert "It fits:" in said and "KV cache holds" in said


@pytest.mark.parametrize(
    "wish",
    [
        ["hardware=1x1", "actor_rollout_ref.rollout.gpu_memory_utilization=0.9"],
        ["hardware=1x1", "model=r1_distill_qwen_7b"],
        [*PLAIN, f"{ACTOR}.calculate_entropy=true", f"{ACTOR}.ppo_max_token_len_per_gpu=65536"],
        [*PLAIN, "actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu=524288"],
        [*PLAIN, f"{ACTOR}.strategy=fsdp", f"{ACTOR}.ppo_max_token_len_per_gpu=524288"],
        ["run.gpu_memory_gib=24", "model=r1_distill_qwen_14b"],
        ["actor_rollout_ref.rollout.gpu_memory_utilization=0.05"],
        SAMPLES,
        [*SAMPLES, "hardware=2x8", "model=r1_distill_qwen_14b", f"{ACTOR}.ulysses_sequence_parallel_size=2"],
        ["hardware=1x1", "model=r1_distill_qwen_7b", f"{ACTOR}.strategy=fsdp"],
        LONG,
    ],
)
def test_the_overrides_it_recommends_fit_and_are_accepted(wish: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config-name", "dgpo_1_5b", "--json", *wish]) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["overflows"] and figures["remedy"]
    keys = [override.split("=")[0] for override in figures["remedy"]]
    kept = [override for override in wish if override.split("=")[0] not in keys]
    followed = [*kept, *figures["remedy"]]
    assert main(["plan", "--config-name", "dgpo_1_5b", *followed]) == 0
    assert check(resolved(compose_config("dgpo_1_5b", followed)), declared=True) == []


def test_a_micro_batch_of_so_many_samples_has_no_use_for_a_number_of_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    def figures(*overrides: str) -> dict[str, Any]:
        main(["plan", "--config-name", "dgpo_1_5b", "--json", *SAMPLES, *overrides])
        return json.loads(capsys.readouterr().out)

    assert figures(f"{ACTOR}.ppo_max_token_len_per_gpu=9216") == figures()
    keys = [override.split("=")[0] for override in figures()["remedy"]]
    assert f"{ACTOR}.ppo_micro_batch_size_per_gpu" in keys and f"{ACTOR}.ppo_max_token_len_per_gpu" not in keys


def test_it_says_where_nothing_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config-name", "dgpo_7b", "run.gpu_memory_gib=2"]) == 1
    assert "No change known to the planner makes it fit" in capsys.readouterr().out


def test_an_override_changes_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    def logits(*overrides: str) -> int:
        main(["plan", "--config-name", "dgpo_7b", "--json", *PLAIN, *overrides])
        return json.loads(capsys.readouterr().out)["bytes"]["update, head"]["logits"]

    assert logits(f"{ACTOR}.calculate_entropy=true") == 7 * logits()


def test_it_shows_the_seconds_of_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config-name", "dgpo_7b", "--time"]) == 0
    said = capsys.readouterr().out
    assert "Estimated on 8 H100" in said and "A step on H100" in said
    main(["plan", "--config-name", "dgpo_7b", "run.gpu=null"])
    assert "No hours are estimated" in capsys.readouterr().out


def test_fused_log_probs_are_not_recommended_where_they_crash(capsys: pytest.CaptureFixture[str]) -> None:
    wish = [*PLAIN, "actor_rollout_ref.model.use_fused_kernels=true", "run.gpu_memory_gib=20"]
    assert main(["plan", "--config-name", "dgpo_7b", "--json", *wish]) == 1
    assert "actor_rollout_ref.model.use_fused_kernels=false" in json.loads(capsys.readouterr().out)["remedy"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config-name", "quickstart"], "trainer.device=cpu"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.model.path=models/unknown"], "models/unknown"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.actor.fsdp_config.model_dtype=int3"], "model_dtype=int3"),
        (["--config-name", "dgpo_8b"], "dgpo_8b"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.rollout.tensor_model_parallel_size=0"], "at least 1"),
        (["--config-name", "dgpo_7b", "run.gpu=B100"], "run.gpu=B100"),
        (["--config-name", "dgpo_7b", "run.gpu_memory_gib=eighty"], "run.gpu_memory_gib=eighty"),
        (["--config-name", "dgpo_7b", f"{ACTOR}.use_dynamic_bsz=false"], "ppo_micro_batch_size_per_gpu=None"),
    ],
)
def test_what_cannot_be_planned_has_exit_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *arguments]) == 2
    assert says in capsys.readouterr().err
