"""The command on the composed configs; what it recommends is composed and planned again."""

import json

import pytest

from dgpo.plan.cli import main

OFFLOAD_POLICY = "actor_rollout_ref.actor.fsdp_config.offload_policy=true"


@pytest.mark.parametrize("name", ["dgpo_1_5b", "dgpo_7b", "dgpo_14b"])
@pytest.mark.parametrize("gpu", ["80gb", "141gb"])
def test_each_experiment_fits_its_hardware(name: str, gpu: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-name", name, f"gpu={gpu}"]) == 0
    said = capsys.readouterr().out
    assert "It fits:" in said and "KV cache holds" in said


@pytest.mark.parametrize(
    "wish",
    [
        ["hardware=1x1", "actor_rollout_ref.rollout.gpu_memory_utilization=0.9"],
        ["hardware=1x1", "model=r1_distill_qwen_7b"],
        ["actor_rollout_ref.model.use_fused_kernels=false", "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=131072"],
        ["run.gpu_memory_gib=24", "model=r1_distill_qwen_14b"],
        ["actor_rollout_ref.rollout.gpu_memory_utilization=0.05"],
    ],
)
def test_the_overrides_it_recommends_make_it_fit(wish: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-name", "dgpo_1_5b", "--json", *wish]) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["overflows"] and figures["remedy"]
    keys = [override.split("=")[0] for override in figures["remedy"]]
    kept = [override for override in wish if override.split("=")[0] not in keys]
    assert main(["--config-name", "dgpo_1_5b", *kept, *figures["remedy"]]) == 0


def test_it_says_where_nothing_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-name", "dgpo_7b", "run.gpu_memory_gib=2"]) == 1
    assert "No change known to the planner makes it fit" in capsys.readouterr().out


def test_an_override_changes_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    def logits(*overrides: str) -> int:
        main(["--config-name", "dgpo_7b", "--json", *overrides])
        return json.loads(capsys.readouterr().out)["bytes"]["actor update"]["logits"]

    assert logits("actor_rollout_ref.model.use_fused_kernels=false") > 10 * logits()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config-name", "quickstart"], "trainer.device=cpu"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.model.path=models/unknown"], "models/unknown"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.actor.fsdp_config.model_dtype=int3"], "model_dtype=int3"),
        (["--config-name", "dgpo_8b"], "dgpo_8b"),
        (["--config-name", "dgpo_7b", "actor_rollout_ref.rollout.tensor_model_parallel_size=0"], "must be above 0"),
        (["--config-name", "dgpo_7b", "run.gpu_memory_gib=eighty"], "run.gpu_memory_gib=eighty"),
    ],
)
def test_what_cannot_be_planned_has_exit_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
