"""Each bad setting is refused with its key, its value and a remedy, and nothing is started."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgpo.cli import main
from tests.config.checks.conftest import Problems

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
LOSS = f"{ACTOR}.policy_loss"
REWARD = "reward.custom_reward_function.reward_kwargs"
VERL_S = "reward.reward_manager.source=register reward.reward_manager.name"


@pytest.mark.parametrize("more", [(), ("run.log_rollouts=true",)])
def test_the_quick_start_passes(problems: Problems, more: tuple[str, ...]) -> None:
    assert problems(*more) == []


def test_all_problems_come_at_once_with_exit_status_2(overrides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "--config-name", "quickstart", *overrides]
    assert main(command) == 0
    assert main([*command, f"{LOSS}.n=0", "data.train_batch_size=31"]) == 2
    said = capsys.readouterr()
    assert "n=0" in said.err and "train_batch_size=31" in said.err and "refused, 2 errors" in said.out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (f"{LOSS}.n=0", f"{LOSS}.n=0: n=0 must be an integer"),
        (f"{LOSS}.m=0", f"{LOSS}.m=0: m=0 must be an integer"),
        (f"{ACTOR}.clip_ratio_low=1", "clip_ratio_low=1"),
        (f"{ACTOR}.clip_ratio_low=-0.1", "clip_ratio_low=-0.1"),
        (f"{ACTOR}.clip_ratio_high=-0.1", "clip_ratio_high=-0.1"),
        (f"{LOSS}.loss_mode=dgpoo", f"{LOSS}.loss_mode=dgpoo"),
        (f"{LOSS}.loss_mode=gppo", f"{LOSS}.loss_mode=gppo: actor.policy_loss.loss_mode='gppo' must be"),
        (f"{ACTOR}.clip_ratio_c=10", "error: actor_rollout_ref.actor.clip_ratio_c=10: actor.clip"),
        ("algorithm.adv_estimator=grpoo", "algorithm.adv_estimator=grpoo"),
        ("trainer.v1.trainer_mode=synchronous", "trainer.v1.trainer_mode=synchronous"),
        ("trainer.logger=[file,wandbb]", "trainer.logger=wandbb"),
        ("trainer.logger=[wandb]", "add file to the list"),
        ("trainer.logger=[file,clearml]", "trainer.logger=clearml: there is no such module here"),
        (f"{ROLLOUT}.val_kwargs.temperature=0", "all of these answers are the same"),
        ("trainer.critic_warmup=5", "in 5 steps the policy would not be trained either"),
        ("run.time_limit=soon", "run.time_limit=soon: it is no duration above 0"),
        ("trainer.resume_from_path=runs/x/checkpoints/global_step_3", "does nothing while trainer.resume_mode is auto"),
        ("trainer.resume_mode=resume_path", "trainer.resume_from_path=None"),
        ("trainer.max_actor_ckpt_to_keep=1", "run.keep_checkpoints"),
        (f"{ACTOR}.grad_clip=0.1", "set actor_rollout_ref.actor.optim.clip_grad instead"),
        ("trainer.balance_batch=false", "verl 0.9 ignores this key"),
        ("trainer.project_name=team/dgpo", "WANDB_ENTITY"),
        ("actor_rollout_ref.nccl_timeout=3600", "verl 0.9 ignores this key"),
        ("trainer.use_v1=false", "trainer.use_v1"),
        ("reward.custom_reward_function.path=null", "reward.custom_reward_function.path=None"),
        ("reward.custom_reward_function.path=pkg://dgpo.nothing", "No module named"),
        ("reward.custom_reward_function.name=missing", "missing"),
        ("+reward.custom_reward_function.reward_kwargs.timout=2", "timout"),
        (f"{REWARD}.timeout=0", f"{REWARD}.timeout=0"),
        (f"{REWARD}.judge.deadline=1", "judge.deadline=1 has no effect while judge.url is null"),
        (f"{REWARD}.mode=box", f"{REWARD}.mode=box"),
        (f"{REWARD}.scoring=plus", f"{REWARD}.scoring=plus"),
        (f"{REWARD}.overlong_buffer=96", "overlong_buffer=96 is not less than data.max_response_length=96"),
        (f"{REWARD}.overlong_weight=0.5", "has no effect while overlong_buffer is 0"),
        (f"{REWARD}.format_weight=-1", f"{REWARD}.format_weight=-1"),
        (f"{REWARD}.judge.model=m", f"{REWARD}.judge.model=m: judge.model='m' has no effect while judge.url is null"),
        ("+reward.reward_kwargs.overlong_buffer_cfg.enable=true", "only verl's dapo manager reads it"),
        ("reward.reward_manager.name=Naif", "reward.reward_manager.name=Naif"),
        ("custom_reward_function.path=x.py", "set reward.custom_reward_function.path instead"),
        ("+reward_model.overlong_buffer.len=32", f"set {REWARD}.overlong_buffer instead"),
        ("+reward_model.reward_kwargs.max_resp_len=96", "reward_model.reward_kwargs.max_resp_len=96: verl 0.9 ignores"),
        ("data.reward_fn_key=source", "verl 0.9 ignores this key"),
        (f"{ROLLOUT}.response_length=64", "leave it out, and set data.max_response_length"),
        ("reward_model.enable=true", "set reward.reward_model.enable instead"),
        ("data.train_batch_size=31", "does not divide data.train_batch_size=31"),
        ("data.train_batch_size=128", "the training files hold 64 rows"),
        (f"{ROLLOUT}.n=1", "a group of one has no advantage"),
        ("data.max_response_length=100", f"{ROLLOUT}.max_model_len=128"),
        (f"{ROLLOUT}.max_num_batched_tokens=128", "no fewer tokens than sequences, max_num_seqs=256"),
        ("actor_rollout_ref.model.override_config.attn_implementation=flash", "attn_implementation=flash"),
        (f"{ROLLOUT}.max_model_len=1024", "the model has 512 positions"),
        ("data.train_files=missing.parquet", "missing.parquet"),
        (f"{ROLLOUT}.multi_turn.tool_config_path=mine/tools.yaml", "there is no such file"),
        ("actor_rollout_ref.model.path=./missing", "there is no such directory"),
        ("actor_rollout_ref.model.use_remove_padding=true", "flash-attn"),
        (f"{ROLLOUT}.free_cache_engine=true", "no sleep mode"),
        (f"{ACTOR}.fsdp_config.param_offload=true", "nowhere to offload"),
        ("algorithm.adv_estimator=gae", "from which the critic begins"),
        ("trainer.default_local_dir=elsewhere", "resuming, pruning and reports look in"),
        (f"{ACTOR}.checkpoint.async_save=true", "checkpoint.async_save=True"),
        ("algorithm.filter_groups.enable=true", "does not tell a custom sampler (fast_polling)"),
        (f"{VERL_S}=naive {REWARD}.overlong_buffer=32", "needs a reward manager that tells the length"),
        (f"{VERL_S}=naif {REWARD}.timeout=3", "reward.reward_manager.name=naif"),
        ("run.log_rollouts=true run.keep_rollouts=0", "run.log_rollouts=True"),
        ("run.log_rollouts=true trainer.logger=[file]", "run.log_rollouts=True"),
        (
            f"{ACTOR}.use_dynamic_bsz=false {ACTOR}.ppo_micro_batch_size_per_gpu=12",
            "ppo_micro_batch_size_per_gpu=12: it does not divide the 16 samples",
        ),
    ],
)
def test_a_bad_setting_is_refused(problems: Problems, given: str, says: str) -> None:
    found = problems(*given.split())
    assert any(says in problem and problem.startswith("error") for problem in found), found


def test_doubtful_clip_bounds_hide_no_refusal(problems: Problems) -> None:
    bounds = [f"{ACTOR}.clip_ratio_low=0.8", f"{ACTOR}.clip_ratio_high=1.2"]
    loss = [f"{LOSS}.loss_mode=gspo", f"{LOSS}._target_=verl.workers.config.PolicyLossConfig"]
    found = problems("policy_loss=verl_gspo", *loss, *bounds)
    assert any("is not configured by it" in problem and problem.startswith("error") for problem in found), found
    assert any("a distance from 1" in problem and problem.startswith("warning") for problem in found), found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("~policy_loss", "no policy loss is chosen, and verl trains with its own"),
        (f"{ACTOR}.optim.lr_warmup_steps=500", "the run has 30 steps, so that the learning rate"),
        (f"{ACTOR}.clip_ratio_high=1.2", "it is a distance from 1"),
        (f"{ACTOR}.clip_ratio_high=28", "nothing is clipped before the ratio is 29"),
        (f"{ACTOR}.optim.lr=0.01", "usual are 1e-09 to 0.005"),
        (f"{ACTOR}.entropy_coeff=1", "usual are 0 to 0.1"),
        (f"{ACTOR}.optim.clip_grad=1000", "usual are 0.001 to 100"),
        (f"{ACTOR}.optim.weight_decay=5", "usual are 0 to 1"),
        (f"{ROLLOUT}.n=100000", "usual are 1 to 1024"),
        ("data.max_response_length=1", "usual are 4 to 1e+06"),
        ("run.time_limit=4", "for hours write such as 12h"),
        (f"{ACTOR}.use_kl_loss=true {ACTOR}.kl_loss_coef=0", "usual are 1e-06 to 1"),
        (
            f"{ACTOR}.optim.lr_warmup_steps=-1 {ACTOR}.optim.lr_warmup_steps_ratio=1.0",
            "the run has 30 steps, so that the learning rate",
        ),
        (f"{ROLLOUT}.log_prob_micro_batch_size=64", "it does nothing while"),
        ("algorithm.gamma=0.99", "algorithm.gamma=0.99: it does nothing while algorithm.adv_estimator is grpo"),
        (f"{ACTOR}.ppo_mini_batch_size=32", "the ratio is 1 everywhere"),
        ("actor_rollout_ref.model.path=Qwen/Qwen2.5-7B trainer.save_freq=1", "downloaded by every node"),
    ],
)
def test_settings_that_are_hardly_meant_are_warned_of(problems: Problems, given: str, says: str) -> None:
    found = problems(*given.split())
    assert len(found) == 1 and found[0].startswith("warning") and says in found[0], found


def test_a_reward_function_of_one_s_own_drops_the_options_of_ours(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def score(data_source, solution_str, ground_truth, extra_info):\n    return 1.0\n"
    )
    own = [f"reward.custom_reward_function.path={tmp_path}/mine.py", "reward.custom_reward_function.name=score"]
    (problem,) = problems(*own)
    assert f"~{REWARD}" in problem
    assert problems(*own, f"~{REWARD}") == problems(*own, f"{REWARD}=null") == []


def test_options_of_what_is_off_are_warned_about(problems: Problems) -> None:
    optim = f"{ACTOR}.optim"
    off = [f"{optim}.lr_warmup_steps_ratio=0.1", f"{optim}.min_lr_ratio=0.1", f"{ACTOR}.ppo_micro_batch_size_per_gpu=4"]
    said = problems(*off, "algorithm.rollout_correction.rollout_is_threshold=5")
    assert len(said) == 4 and all("warning" in each and "it does nothing while" in each for each in said)
    assert problems(*off[:1], f"{optim}.lr_warmup_steps=-1") == []


def test_a_model_directory_without_a_tokenizer_is_refused(problems: Problems, files: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(files / "model" / name, model)
    (problem,) = problems(f"actor_rollout_ref.model.path={model}")
    assert "no tokenizer" in problem and str(model) in problem


def test_a_tokenizer_s_folder_without_one_is_refused(problems: Problems, tmp_path: Path) -> None:
    found = problems(f"actor_rollout_ref.model.tokenizer_path={tmp_path}")
    assert any("it holds no tokenizer" in problem for problem in found), found


def test_a_malformed_parquet_and_a_row_without_a_ground_truth_are_refused(
    problems: Problems, files: Path, tmp_path: Path
) -> None:
    broken, blank = tmp_path / "broken.parquet", tmp_path / "blank.parquet"
    broken.write_bytes(b"PAR1 nothing")
    rows = pq.read_table(files / "data" / "train.parquet").to_pylist()
    rows[3]["reward_model"]["ground_truth"] = ""
    pq.write_table(pa.Table.from_pylist(rows), blank)
    found = problems(f"data.train_files=[{broken},{blank}]")
    assert any(str(broken) in problem for problem in found)
    assert any(str(blank) in problem and "ground_truth" in problem for problem in found)


def test_agent_loops_are_looked_up_in_their_file_too(problems: Problems, tmp_path: Path) -> None:
    agent = f"{ROLLOUT}.agent"
    (problem,) = problems(f"{agent}.default_agent_loop=enviroment")
    assert "use one of environment, single_turn_agent, tool_agent" in problem
    (tmp_path / "loops.yaml").write_text("- name: mine\n  _target_: my.Loop\n")
    own = f"{agent}.agent_loop_config_path={tmp_path}/loops.yaml"
    assert problems(own, f"{agent}.default_agent_loop=mine") == []
    (tmp_path / "loops.yaml").write_text("name: mine\n")
    assert any(f"error: {own}: it cannot be read as a list of agent loops" in problem for problem in problems(own))


def test_a_dataset_class_that_cannot_be_loaded_is_told_once(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Other: ...\n")
    for name in ("mine.py", "missing.py"):
        found = problems(f"data.custom_cls.path={tmp_path}/{name}", "data.custom_cls.name=Mine")
        assert len(found) == 1 and found[0].startswith(f"error: data.custom_cls.path={tmp_path}/{name}")
