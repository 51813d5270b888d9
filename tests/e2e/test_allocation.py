"""Rollouts and advantages by DynaMO on the real trainer, on prompts whose chance of success is known."""

import json
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgpo.data.schema import make_row, write_parquet
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.tasks import small_model

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
KINDS = ("always", "never", "coin")
PROMPTS, SAMPLES, LOW, HIGH = 12, 16, 8, 40
REWARD = """
import zlib

def score(data_source, solution_str, ground_truth, extra_info=None, **options):
    right = {"always": 1.0, "never": 0.0, "coin": zlib.crc32(solution_str.encode()) % 2}[ground_truth]
    return {"score": float(right), "acc": float(right)}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prompts of each kind, an untrained model, whose answers are all different, and a reward that goes by the kind."""
    folder = tmp_path_factory.mktemp("kinds")
    rows = [
        make_row(problem=f"{kind} {i}", ground_truth=kind, data_source="kinds", index=i, split="train")
        for kind in KINDS
        for i in range(PROMPTS // len(KINDS))
    ]
    for split in ("train", "validation"):
        write_parquet(rows, folder / f"data/{split}.parquet")
    small_model.create(folder / "model", seed=0, hidden_size=64, layers=2)
    (folder / "reward.py").write_text(REWARD)
    return folder


def settings(workspace: Path, dump: Path, steps: int) -> dict[str, Any]:
    return {
        "reward.custom_reward_function.path": workspace / "reward.py",
        "reward.custom_reward_function.name": "score",
        "rollouts": "dynamo",
        "rollouts.low": LOW,
        "rollouts.high": HIGH,
        "advantage": "dynamo",
        "data.train_batch_size": PROMPTS,
        "actor_rollout_ref.actor.ppo_mini_batch_size": 3,
        "actor_rollout_ref.rollout.n": SAMPLES,
        "data.max_response_length": 16,
        "trainer.val_before_train": "false",
        "trainer.test_freq": -1,
        "trainer.save_freq": 2,
        "trainer.total_training_steps": steps,
        "trainer.rollout_data_dir": dump,
    }


def answers(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_rollouts_follow_what_a_killed_run_has_learned_of_its_prompts(
    workspace: Path, launch: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    whole = PROMPTS * SAMPLES
    launch(**settings(workspace, first, steps=5)).kill_when(lambda: len(answers(first / "3.jsonl")) == whole)
    launch(**settings(workspace, second, steps=3)).finish()

    def allocated(file: Path) -> Counter[str]:
        rows = answers(file)
        assert len(rows) == whole
        for row in rows:
            assert row["gts"] in row["input"]
            coin = zlib.crc32(row["output"].encode()) % 2
            assert row["score"] == {"always": 1, "never": 0, "coin": coin}[row["gts"]]
        return Counter(row["input"] for row in rows)

    assert set(allocated(first / "1.jsonl").values()) == {SAMPLES}
    for step in (2, 3):
        for prompt, n in allocated(first / f"{step}.jsonl").items():
            assert n > SAMPLES if "coin" in prompt else n == LOW, prompt
    # The third step again, from the checkpoint of the second.
    assert allocated(second / "3.jsonl") == allocated(first / "3.jsonl")

    steps = history(RunFolder(tmp_path / "run"))
    assert [steps[step]["rollouts/unknown"] for step in (1, 2, 3)] == [1, 0, 0]
    for metrics in steps.values():
        assert metrics["rollouts/success"] == pytest.approx(0.5, abs=0.1)
        assert metrics["modulation/comp_mean"] >= 1 >= metrics["modulation/stab_mean"] > 0.6
    assert steps[3]["rollouts/variance_ratio"] < 0.6 < steps[1]["rollouts/variance_ratio"] == 1
