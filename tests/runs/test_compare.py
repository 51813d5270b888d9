import json
import re
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.config.compose import compose_config, resolved
from dgpo.errors import UserError
from dgpo.runs.compare import compare_runs

ACTOR = "actor_rollout_ref.actor"
GRPO = "policy_loss=grpo"


def run(path: Path, overrides: list[str], scores: list[float], entropy: float, config: str = "quickstart") -> Path:
    """A run folder of three steps, validated before and after each."""
    (path / "metrics").mkdir(parents=True)
    composed = resolved(compose_config(config, [f"run.dir={path}", *overrides]))
    (path / "config.yaml").write_text(OmegaConf.to_yaml(composed))
    with (path / "metrics" / "001.jsonl").open("w") as stream:
        for step, score in enumerate(scores):
            training = {"actor/grad_norm": 2.0, "actor/entropy": entropy, "critic/score/mean": 0.5} if step else {}
            data = {"val-core/a/acc/mean@4": score, **training}
            stream.write(json.dumps({"step": step, "data": data}) + "\n")
    return path


def again(first: Path, seed: int, scores: list[float]) -> Path:
    """The run ``first`` with another seed and other scores."""
    path = first.with_name(f"{first.name[:-1]}{seed}")
    (path / "metrics").mkdir(parents=True)
    config = (first / "config.yaml").read_text()
    (path / "config.yaml").write_text(
        config.replace("seed: 0\n", f"seed: {seed}\n").replace("model-0", f"model-{seed}")
    )
    steps = ({"step": step, "data": {"val-core/a/acc/mean@4": score}} for step, score in enumerate(scores))
    (path / "metrics/001.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    return path


def compared(tmp_path: Path, folders: list[Path]) -> dict[str, list[dict[str, float]]]:
    """The runs of each label."""
    compare_runs(folders, tmp_path / "out")
    return json.loads((tmp_path / "out/compare.json").read_text())


def test_a_run_that_is_named_twice_or_copied_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(tmp_path / "dgpo-0", [], [0.1, 0.5], 0.3)
    (tmp_path / "link").symlink_to(folder)
    (runs,) = compared(tmp_path, [folder, folder, tmp_path / "link", folder / "../dgpo-0"]).values()
    assert len(runs) == 1 and capsys.readouterr().err == ""
    copy = shutil.copytree(folder, tmp_path / "copy")
    (runs,) = compared(tmp_path, [folder, copy]).values()
    assert len(runs) == 1 and f"{copy} is a copy of {folder}" in capsys.readouterr().err


def test_seeds_of_one_experiment_are_averaged_and_methods_stand_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dgpo = [f"{ACTOR}.policy_loss.n=2"]
    elsewhere = ["seed=1", "logging=tensorboard", "trainer.save_freq=5", "ray_kwargs.ray_init.num_cpus=8"]
    elsewhere.append(f"{ACTOR}.clip_ratio_c=3")  # is 3.0
    folders = [
        run(tmp_path / "dgpo-0", dgpo, [0.1, 0.5, 0.4], 0.3),
        run(tmp_path / "dgpo-1", [*dgpo, *elsewhere], [0.1, 0.3, 0.6], 0.5),
        run(tmp_path / "grpo-0", [GRPO], [0.1, 0.2, 0.3], 0.2),
    ]
    compare_runs(folders, tmp_path / "out")
    table, *_ = (tmp_path / "out/compare.md").read_text().split("\n\n")
    lines = {line.split("|")[1].strip(): line for line in table.splitlines()}
    # Last 40 and 60, best 50 and 60, entropy 0.3 and 0.5.
    assert "| 2 | 2 | 10.00 | 50.00 | 55.00 | 0.500 | 0.400 |" in lines["dgpo (n=2, m=2)"]
    assert "| 1 | 2 | 10.00 | 30.00 | 30.00 | 0.500 | 0.200 |" in lines["grpo"]
    assert "dgpo (n=2, m=2)" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out/compare.json").read_text())["dgpo (n=2, m=2)"]) == 2
    assert (tmp_path / "out/compare.png").stat().st_size > 10_000 and (tmp_path / "out/compare.svg").exists()


def test_experiments_are_compared_seed_by_seed_with_intervals(tmp_path: Path) -> None:
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.9]
    folders = []
    for loss, gain in (("grpo", 0.0), ("gppo", 0.05)):
        first = run(tmp_path / f"{loss}-0", [f"policy_loss={loss}"], [0.1, scores[0] + gain], 0.3)
        others = [again(first, seed, [0.1, score + gain]) for seed, score in enumerate(scores) if seed]
        folders += [first, *others]
    # A seed that the first has not is left out.
    folders.append(again(tmp_path / "gppo-0", 9, [0.1, 0.0]))
    compare_runs(folders, tmp_path / "out")
    written = (tmp_path / "out/compare.md").read_text()
    # The middle four of six; 0.9 counts for less than in a mean.
    assert re.search(r"\| grpo \| 6 \| 1 \| 10.00 \| 35.00 \[\d+.\d\d, \d+.\d\d\] \|", written)
    assert "## Minus grpo" in written and "| 6 | +5.00 | 0.031 | 1.00 |" in written


def test_runs_that_differ_in_what_matters_are_never_averaged(tmp_path: Path) -> None:
    wide = [f"{ACTOR}.clip_ratio_high=4.0"]
    folders = [
        run(tmp_path / "a", [], [0.1, 0.5], 0.3),
        run(tmp_path / "b", [*wide], [0.1, 0.5], 0.3),
        run(tmp_path / "c", [*wide, f"{ACTOR}.optim.lr=1e-5", "seed=1"], [0.1, 0.5], 0.3),
        run(tmp_path / "d", [*wide, "seed=2"], [0.1, 0.5], 0.3),
    ]
    found = compared(tmp_path, folders)
    assert {label: len(runs) for label, runs in found.items()} == {
        "dgpo (n=1, m=2), optim.lr=3e-05, actor.clip_ratio_high=0.2": 1,
        "dgpo (n=1, m=2), optim.lr=3e-05, actor.clip_ratio_high=4.0": 2,
        "dgpo (n=1, m=2), optim.lr=1e-05, actor.clip_ratio_high=4.0": 1,
    }
    # They have no seed in common.
    assert "| 0 | – | – | – |" in (tmp_path / "out/compare.md").read_text()


def test_more_differences_than_a_label_holds_are_a_table(tmp_path: Path) -> None:
    folders = [run(tmp_path / "a", [], [0.1], 0.3), run(tmp_path / "b", ["model=r1_distill_qwen_1_5b"], [0.1], 0.3)]
    longer = run(tmp_path / "c", [], [0.1], 0.3, config="dgpo_7b")
    assert list(compared(tmp_path, [*folders, longer])) == [
        "[1] dgpo (n=1, m=2)",
        "[2] dgpo (n=2, m=2)",
        "[3] dgpo (n=1, m=2)",
    ]
    written = (tmp_path / "out/compare.md").read_text()
    assert "| setting | [1] | [2] | [3] |" in written and "| data.max_response_length | 96 | 96 | 8192 |" in written


def test_class_paths_of_an_older_dgpo_make_no_difference(tmp_path: Path) -> None:
    new = run(tmp_path / "new", [], [0.1, 0.5], 0.3)
    older = run(
        tmp_path / "old",
        [
            "reward.custom_reward_function.path=pkg://dgpo.rewards.verl_reward",
            "trainer.v1.sampler.custom_sampler.path=pkg://dgpo.trainer.sampler",
            "trainer.checkpoint_callback_class=dgpo.trainer.verl_callback.CompletionCallback",
            f"{ACTOR}.policy_loss._target_=dgpo.losses.verl_adapter.DGPOPolicyLossConfig",
        ],
        [0.1, 0.5],
        0.3,
    )
    assert {label: len(runs) for label, runs in compared(tmp_path, [new, older]).items()} == {"dgpo (n=1, m=2)": 2}


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        compare_runs([tmp_path / "missing"], tmp_path / "out")
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(UserError, match="is no config"):
        compare_runs([tmp_path], tmp_path / "out")
