"""A reward function of one's own is tried before a cluster starts."""

from pathlib import Path

import pytest

from dgpo.config.checks.reward import own_reward
from dgpo.config.compose import compose_config, resolved

REWARD = "reward.custom_reward_function"
HEAD = "def score(data_source, solution_str, ground_truth, extra_info):\n"


def findings(files: Path, folder: Path, source: str, *more: str) -> list[str]:
    (folder / "mine.py").write_text(source)
    files = [f"data.train_files={files}/data/train.parquet", f"data.val_files={files}/data/validation.parquet"]
    own = [f"{REWARD}.path={folder}/mine.py", f"{REWARD}.name=score", f"~{REWARD}.reward_kwargs"]
    return [str(each) for each in own_reward(resolved(compose_config("quickstart", [*files, *own, *more])))]


@pytest.mark.parametrize(
    "body",
    [
        "    return {'score': float(ground_truth in solution_str), 'acc': True}\n",
        "    return extra_info['dgpo_response']['tokens'] / extra_info['dgpo_response']['longest']\n",
    ],
)
def test_a_function_that_verl_can_call_passes(files: Path, tmp_path: Path, body: str) -> None:
    assert findings(files, tmp_path, HEAD + body) == []
    assert findings(files, tmp_path, "async " + HEAD + body) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    return float(solution_str.split('boxed')[1])\n", "ValueError: could not convert string to float: '{"),
        ("    return None\n", "its score is None, not a finite number"),
        ("    return {'reward': 1.0}\n", "it returned no 'score' but 'reward'"),
        ("    return float('nan')\n", "its score is nan"),
        ("    return 1.0 if solution_str else None\n", "for the response '' to row 0 of"),
    ],
)
def test_a_function_that_would_fail_in_training_is_refused(files: Path, tmp_path: Path, body: str, says: str) -> None:
    (problem,) = findings(files, tmp_path, HEAD + body)
    assert problem.startswith(f"error: {REWARD}.name=score: for the response") and says in problem
    (problem,) = findings(files, tmp_path, "async " + HEAD + body)
    assert says in problem


def test_a_function_that_takes_other_arguments_is_refused(files: Path, tmp_path: Path) -> None:
    (problem,) = findings(files, tmp_path, "def score(response, truth):\n    return 1.0\n")
    assert "TypeError: score() got an unexpected keyword argument" in problem
    assert "it gets data_source, solution_str, ground_truth and extra_info by name" in problem


def test_answers_told_of_in_different_ways_are_warned_about(files: Path, tmp_path: Path) -> None:
    body = "    return 0.5 if 'boxed' in solution_str else {'score': 0.0, 'length': len(solution_str)}\n"
    (problem,) = findings(files, tmp_path, HEAD + body)
    assert problem.startswith("warning: ")
    assert "acc, score for the response" in problem and "length, score for the response" in problem


def test_a_function_that_asks_a_reward_model_is_not_tried(files: Path, tmp_path: Path) -> None:
    body = HEAD + "    raise RuntimeError\n"
    assert findings(files, tmp_path, body, "reward.reward_model.enable=true") == []
