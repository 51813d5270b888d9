"""What the hooks on verl's trainer make of real batches; `one_batch.py` says how."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("one_batch.py")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("checkpoints")
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_figures_of_a_batch_stand_beside_verl_s_and_padding_counts_for_nothing(told: dict[str, Any]) -> None:
    rewards, metrics = told["rewards"], told["rewards"]["metrics"]
    # Of 36 answers, 12 to easy prompts, five are lost, and verl has filled up with five.
    assert (rewards["samples"], rewards["padding"]) == (36, 5)
    assert len(rewards["reasons"]) == 31 and rewards["reasons"].count("match") == 12 + 3 + 1
    assert metrics["training/global_step"] == 5
    assert metrics["reward/accuracy"] == pytest.approx(16 / 31)
    assert metrics["reward/reason/timeout"] == pytest.approx(15 / 31)


def test_rollouts_go_where_the_outcome_is_open(told: dict[str, Any]) -> None:
    run = told["run"]
    certain, uniform = [2, 2, 14, 2, 2, 14], [6] * 6
    assert run["asked"] == [uniform, certain, certain]
    first, second, third = run["metrics"]
    assert first["rollouts/unknown"] == 1 and first["rollouts/variance_ratio"] == pytest.approx(1)
    assert first["rollouts/n_min"] == first["rollouts/n_max"] == 6
    assert (second["rollouts/n_min"], second["rollouts/n_max"], second["rollouts/unknown"]) == (2, 14, 0)
    assert second["rollouts/at_low"] == pytest.approx(2 / 3) and second["rollouts/at_high"] == pytest.approx(1 / 3)
    assert third["rollouts/variance_ratio"] == pytest.approx(6 / 14)
    # Every prompt alike: two right, two wrong, two half.
    assert [metrics["rollouts/success"] for metrics in run["metrics"]] == pytest.approx([0.5] * 3)


def test_a_resumed_run_allocates_as_if_nothing_had_happened(told: dict[str, Any]) -> None:
    run = told["run"]
    assert run["resumed"] == run["asked"][2]
    assert "success_counts.json" in run["manifest"]
    assert run["resumed without counts"] == [6] * 6


def test_a_mastered_prompt_gets_no_more_than_a_certain_one(told: dict[str, Any]) -> None:
    assert told["run"]["mastered"] == [6] * 6


def test_without_room_between_its_bounds_an_allocation_changes_nothing(told: dict[str, Any]) -> None:
    found = told["without room"]
    assert found["asked"] == [6] * 6
    assert found["plain"] == found["allocating"] and len(found["plain"]) == 36


def test_a_validation_asks_for_what_it_is_set_to(told: dict[str, Any]) -> None:
    # Nothing was said to the worker, which then takes rollout.val_kwargs.n.
    assert told["run"]["validation"] == [0] * 6


def test_a_reward_that_does_not_say_what_is_right_is_refused(told: dict[str, Any]) -> None:
    assert told["without acc"].startswith("reward.custom_reward_function: it returns no acc")


def test_advantages_are_multiplied_by_the_factors_of_their_own_sample(told: dict[str, Any]) -> None:
    modulated = told["modulated"]
    assert modulated["padding"] == 5 and len(modulated["before"]) == 36
    for key, before in modulated["before"].items():
        expected = [a * factor for a, factor in zip(before, modulated["factors"][key], strict=True)]
        assert modulated["after"][key] == pytest.approx(expected, abs=1e-6)
    assert modulated["after"] != modulated["before"]
    metrics = {key: value for key, value in modulated["metrics"].items() if key.startswith("modulation/")}
    assert 1 < metrics["modulation/comp_mean"] < 1.2 and 0.75 < metrics["modulation/stab_mean"] < 1
    assert 0 < metrics["modulation/boosted_share"] < 1 and 0 < metrics["modulation/damped_share"] < 1


def test_every_prompt_weighs_alike_whatever_its_answers(told: dict[str, Any]) -> None:
    weighed = told["weighed"]
    for key, before in weighed["before"].items():
        padded = key.startswith("pad")
        answers = 1 if key.split("_")[0].endswith("0005") else 6
        factor = 1 if padded else 31 / 6 / answers
        assert weighed["after"][key] == pytest.approx([factor * each for each in before], abs=1e-6)


def test_the_number_of_updates_is_fixed_whatever_the_rows(told: dict[str, Any]) -> None:
    # Three updates of 12 rows, and 31 rows: verl fills up to 36, here 33 are enough.
    assert told["updates"]["verl"] == {"rows": 36, "mini_batch_size": 12, "global_batch_size": 12}
    assert told["updates"]["fixed"] == {"rows": 33, "mini_batch_size": 11, "global_batch_size": 11}
    assert told["updates of all"]["fixed"] == told["updates of all"]["verl"]
    # Updates of whole micro-batches of 4, and log-probs of whole ones of 9.
    assert told["updates in micro-batches"]["fixed"] == {"rows": 36, "mini_batch_size": 12, "global_batch_size": 12}


def test_whole_groups_are_marked_and_described_and_padding_is_none(told: dict[str, Any]) -> None:
    kept = told["kept"]
    assert kept["loss"] == "KeepingLoss" and kept["tokenizer"] == "/rollouts/tokenizer" and kept["timed"] > 0
    marked = {key: row for key, row in kept["marks"].items() if row >= 0}
    assert len({key.split("_")[0] for key in marked}) == 2 and len(marked) in (7, 12)
    assert (
        sorted(marked.values()) == [row["row"] for row in kept["rows"]] == sorted({row["row"] for row in kept["rows"]})
    )
    for row in kept["rows"]:
        assert marked[f"{row['group']}_{row['answer']}"] == row["row"]
        said = json.loads(row["said"])
        assert row["score"] == said["acc"] and said["reason"] in ("match", "timeout")
        # A field that the samples lack, as these have no prompt in words, costs nothing.
        assert json.loads(row["prompt"]) == [{"role": "", "content": "2 tokens"}] and row["ground_truth"] is None
        assert all(value > 0 for value in row["entropy"]) and row["rollout_log_prob"] is None


def test_where_nothing_can_be_written_no_answer_is_marked_and_training_goes_on(told: dict[str, Any]) -> None:
    assert set(told["not kept"]["marks"].values()) == {-1} and told["not kept"]["rows"] == []
