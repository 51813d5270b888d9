import pytest

from dgpo.advantages.trajectories import credit_metrics, refuse_lost
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
