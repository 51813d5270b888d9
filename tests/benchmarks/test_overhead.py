from benchmarks.overhead import LOSSES, table
from dgpo.config.compose import compose_config


def test_ratios_are_of_the_same_round():
    ours = [
        {"step": [3.0, 3.0], "update": [1.0], "generation": [2.0]},
        {"step": [6.6], "update": [1.0], "generation": [2.0]},
    ]
    stock = [
        {"step": [3.0], "update": [1.0], "generation": [1.0]},
        {"step": [6.0], "update": [2.0], "generation": [1.0]},
    ]
    step, update, generation = table(dict(zip(LOSSES, (ours, stock), strict=True))).rows
    assert step == ("step", "4.800", "4.500", "1.050 (1.000 to 1.100)")
    assert update[-1] == "0.750 (0.500 to 1.000)" and generation[-1].startswith("2.000")


def test_the_two_configs_differ_in_the_loss_alone():
    ours, stock = (compose_config("quickstart", [choice]).actor_rollout_ref.actor for choice in LOSSES.values())
    assert stock.policy_loss._target_.startswith("verl.") and stock.policy_loss.loss_mode == "vanilla"
    assert ours.policy_loss.loss_mode == "grpo"
    assert {key: ours[key] for key in ours if key != "policy_loss"} == {
        key: stock[key] for key in stock if key != "policy_loss"
    }
