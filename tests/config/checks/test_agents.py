"""An agent's section, its credit and its environments are refused before a cluster starts, by key and value."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks import agents
from dgpo.config.compose import compose_config, resolved
from dgpo.data.environments import task_row, write_tasks
from dgpo.data.schema import make_row, write_parquet
from dgpo.tasks import small_model


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    folder = tmp_path_factory.mktemp("lake")
    train, validation = write_tasks(folder, "FrozenLake-v1", tasks=4, validation=2)
    small_model.create(folder / "model", seed=0, hidden_size=32, layers=1)
    files = [f"data.train_files={train}", f"data.val_files={validation}"]
    return compose_config("agents", [*files, f"actor_rollout_ref.model.path={folder}/model"])


def problems(config: DictConfig, check: Any = agents.agent, **settings: Any) -> list[str]:
    changed = resolved(config)
    for key, value in settings.items():
        OmegaConf.update(changed, key, value, force_add=True)
    return [str(problem) for problem in check(changed)]


def test_the_example_passes_with_each_credit_and_a_run_without_an_agent_is_not_looked_at(chosen: DictConfig) -> None:
    assert problems(chosen) == problems(chosen, agents.environments) == []
    for credit in ("gigpo", "grpo", "[proxmo,dynamo]"):
        config = compose_config("agents", [f"advantage={credit}"])
        assert problems(config) == [] and resolved(config).algorithm.adv_estimator == "turns"
    assert resolved(config).advantage.floor == 0.6
    plain = compose_config("quickstart")
    assert problems(plain) == problems(plain, agents.environments) == []
    assert "there is no agent" in problems(compose_config("quickstart", ["advantage=proxmo"]))[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"agent.layout": "rows"}, "agent.layout=rows"),
        ({"agent.max_turns": 0}, "agent.max_turns=0"),
        ({"agent.deadline": 0}, "agent.deadline=0"),
        ({"agent.max_lost": 2}, "agent.max_lost=2"),
        ({"agent.action_tag": "<a>"}, "agent.action_tag=<a>"),
        ({"agent.turns": 3}, "agent.turns=3"),
        ({"credit": None}, "add advantage=proxmo"),
        ({"credit.method": "ppo"}, "credit.method=ppo: no credit can be loaded (No module named 'ppo')"),
        ({"credit.method": "json:loads"}, "the JSON object must be str, bytes or bytearray, not list"),
        ({"credit.gamma": 1.5}, "credit.gamma=1.5"),
        ({"credit.temperature": 0}, "credit.temperature=0"),
        ({"credit.lambda": 1}, "unexpected keyword argument 'lambda'"),
        ({"algorithm.adv_estimator": "gae"}, "algorithm.adv_estimator=gae"),
        ({"critic.enable": True}, "critic.enable="),
        ({"algorithm.use_kl_in_reward": True}, "algorithm.use_kl_in_reward=True"),
        ({"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": "score"}, "use acc"),
        ({"rollouts": {"low": 2}}, "an agent's tasks share theirs"),
    ],
)
def test_what_cannot_go_with_an_agent_is_refused(chosen: DictConfig, settings: dict[str, Any], says: str) -> None:
    found = problems(chosen, **settings)
    assert len(found) == 1 and says in found[0] and found[0].startswith("error: ")


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"data.max_prompt_length": 60}, "error", "max_prompt_length=60: an observation of environment FrozenLake-v1"),
        ({"data.max_response_length": 60}, "error", "max_response_length=60: 8 turns of environment FrozenLake-v1"),
        ({"agent.max_turns": 40}, "error", "40 turns of environment FrozenLake-v1 take up to"),
        ({"agent.max_action_tokens": 50}, "warning", "so that some will be cut off"),
        ({"agent.layout": "turn", "data.max_response_length": 2}, "warning", "data.max_response_length=2: 1 turns"),
    ],
)
def test_turns_that_do_not_fit_the_context_are_refused(
    chosen: DictConfig, settings: dict[str, Any], kind: str, says: str
) -> None:
    (found,) = problems(chosen, agents.environments, **settings)
    assert says in found and found.startswith(kind)


@pytest.mark.parametrize(
    ("id", "settings", "says"),
    [
        ("Blackjack-v1", {}, "error: agent.success=info: environment Blackjack-v1 has ended without"),
        ("Blackjack-v1", {"agent.success": "reward"}, ""),
        ("Taxi-v4", {"data.max_response_length": 400}, "warning: agent.success=info: environment Taxi-v4 has gone on"),
        (
            "rough:Rough-v0 clock",
            {"data.max_prompt_length": 200, "data.max_response_length": 600},
            "begins in two ways from one seed",
        ),
        (
            "rough:Rough-v0 picky",
            {"data.max_prompt_length": 200, "data.max_response_length": 600},
            "step: RuntimeError: no such action",
        ),
    ],
)
def test_each_environment_is_tried(
    chosen: DictConfig, tmp_path: Path, id: str, settings: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "agents"))
    monkeypatch.setenv("PYTHONPATH", sys.path[0])
    id, _, fault = id.partition(" ")
    kwargs = json.dumps({"fault": fault} if fault else {})
    train, _ = write_tasks(tmp_path, id, tasks=2, validation=1, kwargs=kwargs)
    found = problems(chosen, agents.environments, **{"data.train_files": str(train)}, **settings)
    assert (len(found) == 1 and says in found[0]) if says else found == []


def test_rows_that_name_no_environment_are_refused(chosen: DictConfig, tmp_path: Path) -> None:
    row = make_row(problem="1+1", ground_truth="2", data_source="sums", index=0, split="train")
    file = write_parquet([row], tmp_path / "sums.parquet")
    (found,) = problems(chosen, agents.environments, **{"data.train_files": str(file)})
    assert f"data.train_files={file}: its rows name no environment in extra_info.env" in found


@pytest.mark.parametrize(
    ("id", "kwargs", "says"),
    [
        ("Nowhere-v0", "{}", "id=Nowhere-v0: no environment can be loaded"),
        ("CartPole-v1", "{}", "its observation space Box"),
        ("Blackjack-v1", '{"nosuch": 1}', "id=Blackjack-v1: no environment can be loaded"),
    ],
)
def test_what_cannot_be_made_here_is_refused(
    chosen: DictConfig, tmp_path: Path, id: str, kwargs: str, says: str
) -> None:
    row = task_row({"id": id, "kwargs": kwargs, "seed": 0}, kind="", prompt="Go.", index=0)
    file = write_parquet([row], tmp_path / "elsewhere.parquet")
    (found,) = problems(chosen, agents.environments, **{"data.train_files": str(file)})
    assert f"data.train_files={file}: environment {id}, reset: " in found and says in found
