import pytest

from dgpo.advantages.trajectories import (
    credit_metrics,
    gigpo_turn_advantages,
    grpo_turn_advantages,
    refuse_lost,
)
from dgpo.errors import UserError

WON = {"rewards": [1.0], "observations": ["a"], "success": 1.0}
LOST = {"rewards": [0.0, 0.0], "observations": ["a", "b"], "success": 0.0}


def test_too_many_lost_episodes_end_the_run_by_the_environments_name() -> None:
    refuse_lost(["environment X: broken", *[""] * 9], 0.1)
    refuse_lost([], 0.0)
    with pytest.raises(UserError, match=r"agent.max_lost=0.1: 2 of the 10 episodes .* 2 of them so: environment X"):
        refuse_lost(["environment X: broken"] * 2 + [""] * 8, 0.1)


def test_the_figures_of_credit_are_of_turns_groups_and_weights() -> None:
    found = credit_metrics([[WON, LOST], [WON, WON]], {"alpha": 4.0, "range": 0.05})
    assert found["credit/singleton_share"] == pytest.approx(1 / 5) and found["credit/mixed_share"] == 0.5
    assert 1 < found["credit/success_weight"] < 1.05 and 0.95 < found["credit/failure_weight"] < 1
    assert credit_metrics([[LOST]], {}) == {"credit/singleton_share": 1.0, "credit/mixed_share": 0.0}


# Two trajectories meet in "fork"; one turns to the goal there, and the other does not.
GOOD = {"rewards": [0.0, 0.0, 1.0], "observations": ["start", "fork", "door"], "success": 1}
BAD = {"rewards": [0.0, 0.0, 0.0], "observations": ["start", "fork", "pit"], "success": 0}


def test_grpo_gives_each_turn_what_the_trajectory_is_worth() -> None:
    good, bad = grpo_turn_advantages([GOOD, BAD])
    assert good == pytest.approx([2**-0.5] * 3, rel=1e-5) and bad == pytest.approx([-(2**-0.5)] * 3, rel=1e-5)
    assert grpo_turn_advantages([GOOD, BAD], divide_by_std=False) == [[0.5] * 3, [-0.5] * 3]
    assert grpo_turn_advantages([GOOD]) == [[0.0] * 3] and grpo_turn_advantages([]) == []


def test_grpo_counts_what_invalid_actions_cost() -> None:
    costly = {**GOOD, "rewards": [0.0, -0.1, 1.0]}
    assert grpo_turn_advantages([GOOD, costly], divide_by_std=False)[0] == pytest.approx([0.05] * 3)


def test_gigpo_compares_turns_of_equal_observations_alone() -> None:
    episode = grpo_turn_advantages([GOOD, BAD], divide_by_std=False)
    good, bad = gigpo_turn_advantages([GOOD, BAD], gamma=0.5, omega=2.0, divide_by_std=False)
    # Returns of the good one 0.25, 0.5, 1; of the bad one 0. "door" and "pit" stand alone.
    assert [a - e for a, e in zip(good, episode[0], strict=True)] == pytest.approx([0.25, 0.5, 0.0])
    assert [a - e for a, e in zip(bad, episode[1], strict=True)] == pytest.approx([-0.25, -0.5, 0.0])
    assert gigpo_turn_advantages([GOOD, BAD], omega=0.0) == grpo_turn_advantages([GOOD, BAD])
