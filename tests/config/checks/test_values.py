"""Every option takes values of its kind and in its range, and refuses others by its full name."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from omegaconf import OmegaConf

from dgpo.cli import main
from dgpo.config.checks.kinds import defaults
from dgpo.config.checks.ranges import RANGES
from dgpo.config.checks.values import malformed, values
from dgpo.config.compose import compose_config

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
# What these hold is the user's, verl's or vLLM's to read.
FREE = (
    "critic",
    "rollout_is_threshold",
    "custom_reward_function",
    "reward_model",
    "sandbox_fusion",
    "kwargs",
    "override_config",
    "global_tool_config",
    "turbo_config",
    "wrap_policy",
    "backend",
    "lora",
    "pf_ppo",
)


def leaves(section: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        elif name != "_target_":
            yield (*path, name), value


def alone(path: tuple[str, ...], value: Any) -> list[str]:
    """The keys that are refused in a config of nothing but ``value`` at ``path``, and the classes on the way."""
    config = {path[-1]: value}
    for depth in range(len(path) - 1, 0, -1):
        section: Any = defaults()
        for name in path[:depth]:
            section = section[name]
        config = {path[depth - 1]: {"_target_": section["_target_"], **config} if "_target_" in section else config}
    return [finding.key for finding in values(OmegaConf.create(config))]


def told(override: str) -> str:
    """What is said of one override, as the command line would give it."""
    key, _, text = override.partition("=")
    value = yaml.safe_load(text) if text else ""
    return "\n".join(map(str, values(OmegaConf.create(_nested(key, value)))))


def _nested(key: str, value: Any) -> dict[str, Any]:
    section, path = defaults(), key.split(".")
    outer = inner = {}
    for name in path[:-1]:
        section = section.get(name) or {}
        inner[name] = {"_target_": section["_target_"]} if "_target_" in section else {}
        inner = inner[name]
    inner[path[-1]] = value
    return outer


def test_what_verl_and_the_experiments_declare_passes() -> None:
    assert list(values(OmegaConf.create(defaults()))) == []


def test_each_option_refuses_what_is_of_another_kind_by_its_name() -> None:
    tried, unlike = 0, []
    for path, default in leaves(defaults()):
        # What null stands for is told by an annotation alone.
        if default is None or any(part in name for part in FREE for name in path):
            continue
        wrong: list[Any] = [{"a": 1}] if not isinstance(default, dict) else [3]
        if isinstance(default, bool):
            wrong += ["x", "true", 0, 2, None, "", [True]]
        elif isinstance(default, int | float):
            wrong += ["x", str(default), True, "", [default], float("nan"), 10**12 if isinstance(default, int) else "-"]
        elif isinstance(default, str) and default:
            wrong += [3, 2.5, True, ""]
        for value in wrong:
            tried += 1
            if alone(path, value) != [".".join(path)]:
                unlike.append((".".join(path), value))
    assert unlike == [] and tried > 1000


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("trainer.n_gpus_per_node=", "as an unset shell variable leaves it"),
        ("run.name=", "as an unset shell variable leaves it"),
        ("actor_rollout_ref.model.path=", "as an unset shell variable leaves it"),
        ("data.max_response_length=null", "it must have a value"),
        ("run.name='???'", "it has no value"),
        (f"{ROLLOUT}.n='4'", f"write {ROLLOUT}.n=4, without quotes"),
        (f"{ROLLOUT}.n=4.0", f"write {ROLLOUT}.n=4"),
        (f"{ROLLOUT}.n=4.5", "it must be an integer"),
        ("run.name=7", "put it in quotes twice: 'run.name=\"7\"'"),
        (f"{ACTOR}.optim.lr=0", "use a number above 0 and at most 1"),
        (f"{ACTOR}.optim.lr=.inf", "it must be a finite number"),
        (f"{ACTOR}.optim.betas=[0.9]", "it must be a list of 2 numbers"),
        (f"{ACTOR}.optim.betas=[0.9, 1]", "use a number at least 0 and below 1"),
        (f"{ACTOR}.clip_ratio_c=1", "above 1"),
        (f"{ROLLOUT}.temperature=0", "above 0"),
        (f"{ROLLOUT}.top_k=0", "at least 1"),
        (f"{ROLLOUT}.tensor_model_parallel_size=0", "at least 1"),
        (f"{ACTOR}.fsdp_config.fsdp_size=0", "or -1"),
        (f"{ROLLOUT}.gpu_memory_utilization=90", "at most 1"),
        (f"{ROLLOUT}.max_model_len=0", "at least 1"),
        ("actor_rollout_ref.model.lora_rank=1024", "at most 512"),
        ("actor_rollout_ref.model.lora_alpha=0", "at least 1"),
        ("run.gpu=B100", "use one of A100, H100"),
        ("run.grace_s=0", "use a number above 0"),
        ("run.worker_niceness=20", "use a number at least 0 and at most 19"),
        ("ray_kwargs.ray_init.num_cpus=0", "at least 1"),
        ("trainer.resume_mode=never", "use one of auto, disable, resume_path"),
        ("seed=-1", "at least 0"),
        ("trainer.save_freq=-2", "at least -1"),
        ("data.truncation=rigth", "use one of error, left, right, middle"),
        (f"{ACTOR}.checkpoint.save_contents=[modell]", "use one of model, optimizer, extra, hf_model"),
        (f"{ACTOR}.checkpoint.save_contents=[]", "it is an empty list"),
        ("data.train_files=[]", "it is an empty list"),
        (f"{ACTOR}.learning_rate=1", "there is no such option"),
        ("trainer.totl_epochs=3", "write trainer.total_epochs, or leave it out"),
        ("trainer.v1.trainr_mode=sync", "write trainer.v1.trainer_mode"),
        ("data.max_promt_length=3", "write data.max_prompt_length"),
        ("algorithm.kl_crtl=3", "write algorithm.kl_ctrl"),
        ("run.nme=x", "there is no such option; run has dir, "),
        ("trianer=3", "write trainer"),
        ("rollouts=3", "it must be a section or null"),
        ("algorithm.filter_groups=null", "it must have a value"),
        ("trainer.v1=sync", "it must be a section"),
        ("ray_kwargs.ray_init.runtime_env.env_vars.OMP_NUM_THREADS=2", 'OMP_NUM_THREADS="2"\''),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_a_remedy(override: str, says: str) -> None:
    said = told(override)
    assert said.startswith(f"error: {override.partition('=')[0]}=") and says in said, said


@pytest.mark.parametrize(
    "override",
    [
        f"{ACTOR}.optim.lr=1",
        f"{ACTOR}.entropy_coeff=-0.01",
        f"{ACTOR}.optim.override_optimizer_config={{fused: true}}",
        f"{ROLLOUT}.val_kwargs.temperature=0",
        f"{ROLLOUT}.top_k=20",
        f"{ROLLOUT}.max_model_len=null",
        "data.train_files=[a.parquet, b.parquet]",
        "ray_kwargs.ray_init.runtime_env.env_vars.CUDA_VISIBLE_DEVICES=",
        "data.seed=null",
        "trainer.logger=file",
        "trainer.total_training_steps=null",
        "trainer.save_freq=-1",
        "algorithm.rollout_correction.rollout_is_threshold=0.5_2.0",
        "actor_rollout_ref.model.target_modules=[q_proj, v_proj]",
    ],
)
def test_what_verl_takes_passes(override: str) -> None:
    assert told(override) == ""


def test_a_value_is_found_where_it_was_given_and_what_nothing_reads_is_told() -> None:
    own = ["+lr=1e-5", f"{ACTOR}.optim.lr=${{lr}}", "+tag.of=x", "run.name='a-${tag.of}'"]
    unread = ["+learning_rate=1e-5", "+trainer.max_steps=5", "+actor.optim.lr=1e-5", "+mine=1", "+trainer.mine=1"]
    passed_on = [f"+{ROLLOUT}.engine_kwargs.vllm.max_num_seqs=4", "+data.apply_chat_template_kwargs.thinking=true"]
    composed = compose_config("quickstart", ["seed=abc", "trainer.n_gpus_per_node=x", *own, *unread, *passed_on])
    found = {finding.key: finding.fatal for finding in malformed(composed)}
    wrong = ("seed", "trainer.n_gpus_per_node", "actor", "learning_rate", "trainer.max_steps", "mine")
    assert found == dict.fromkeys(wrong, True) | {"trainer.mine": False}


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ("+rollout.n=4", "write actor_rollout_ref.rollout"),
        ("+Data.train_batch_size=8", "write data"),
        ("+notes.of=me", "neither verl nor dgpo"),
        ("+notes=me", "what code of your own reads goes into a section"),
        ("+num_generations=8", "write actor_rollout_ref.rollout.n"),
    ],
)
def test_what_nothing_reads_at_the_top_is_told_where_it_belongs(own: str, says: str) -> None:
    (found,) = malformed(compose_config("quickstart", [own]))
    assert says in str(found)


def test_a_choice_in_a_file_of_one_s_own_is_told_how_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults:\n  - quickstart\n  - _self_\nhardware: 1x8\n")
    (found,) = malformed(compose_config("mine", [], tmp_path))
    assert found.fatal and "- override hardware: 1x8" in found.remedy


def test_the_highest_rank_of_an_adapter_is_vllm_s() -> None:
    from vllm.config.lora import MaxLoRARanks

    assert max(get_args(MaxLoRARanks)) == RANGES["*.lora_rank"].high


def test_an_option_that_was_taken_out_is_missed_and_one_with_dots_in_its_name_is_no_path() -> None:
    whole = copy.deepcopy(defaults())
    assert malformed(OmegaConf.create(whole)) == []
    without = {**whole, "data": {name: each for name, each in whole["data"].items() if name != "truncation"}}
    (missed,) = malformed(OmegaConf.create({**without, "trainer.nnodes": 2}))[:1]
    assert str(missed).startswith("error: data.truncation=(absent): it was taken out")
    for name in ("trainer.nnodes", "trainer.total_training_steps"):
        (dotted,) = values(OmegaConf.create({name: 2}))
        assert f"{name}=2: a name with dots in a file is one name" in str(dotted)
    del whole["reward"]["custom_reward_function"]["reward_kwargs"]
    assert malformed(OmegaConf.create(whole)) == []


@pytest.mark.parametrize("command", ["check", "train", "plan"])
def test_a_command_refuses_it_alone_and_calculates_nothing(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "trainer.n_gpus_per_node=", "data.train_batch_size=x"]) == 2
    said = capsys.readouterr().err
    assert "trainer.n_gpus_per_node=" in said and "data.train_batch_size=x: it must be an integer" in said
    assert "Traceback" not in said and "missing" not in said


def test_a_number_in_a_variable_is_told_how_it_becomes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERS", "4")
    given = "${oc.env:ANSWERS}"
    (problem,) = malformed(compose_config("quickstart", [f"{ROLLOUT}.n={given}"]))
    assert (said := str(problem)).startswith(
        f"error: {ROLLOUT}.n=4: it must be an integer"
    ) and f"${{oc.decode:{given}}}" in said
    decoded = compose_config("quickstart", [f'{ROLLOUT}.n="${{oc.decode:{given}}}"'])
    assert decoded.actor_rollout_ref.rollout.n == 4
