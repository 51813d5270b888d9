import numpy as np
import pytest

from dgpo.eval.compare import paired_bootstrap


def test_equal_models_do_not_differ() -> None:
    values = [[0.0, 0.5, 1.0], [0.25, 0.75]]
    same = paired_bootstrap(values, values)
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_difference_is_the_second_minus_the_first_averaged_over_benchmarks() -> None:
    found = paired_bootstrap([[0.0, 0.0], [0.5, 0.5, 0.5, 0.5]], [[0.5, 0.5], [0.6, 0.6, 0.6, 0.6]])
    assert found.value == pytest.approx((0.5 + 0.1) / 2)
    assert found.low == pytest.approx(found.value) and found.high == pytest.approx(found.value)


def test_pairing_takes_out_how_hard_the_problems_are() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.uniform(0, 0.9, 40)
    noise = rng.normal(0, 0.02, 40)
    paired = paired_bootstrap([difficulty], [difficulty + 0.05 + noise])
    shuffled = paired_bootstrap([difficulty], [rng.permutation(difficulty + 0.05 + noise)])
    assert paired.p < 0.01 < shuffled.p
    assert paired.high - paired.low < (shuffled.high - shuffled.low) / 5


def test_the_interval_covers_the_truth_and_p_is_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(1)
    covered, small = 0, 0
    repeats = 400
    for _ in range(repeats):
        difficulty = rng.uniform(size=60)
        first, second = (rng.binomial(8, difficulty) / 8 for _ in range(2))
        found = paired_bootstrap([first], [second], replicates=400, seed=int(rng.integers(2**31)))
        covered += found.low <= 0 <= found.high
        small += found.p <= 0.05
    # 95 % and 5 %, with three standard errors of 400 repeats and what 60 problems cost.
    assert covered / repeats > 0.90
    assert small / repeats < 0.09


@pytest.mark.parametrize(("first", "second"), [([[1.0]], [[1.0, 0.0]]), ([], []), ([[]], [[]])])
def test_values_that_do_not_pair_up_are_refused(first: list[list[float]], second: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"same problems|at least one"):
        paired_bootstrap(first, second)
