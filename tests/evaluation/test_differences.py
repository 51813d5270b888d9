import numpy as np
import pytest

from dgpo.evaluation.differences import paired_difference


def test_equal_models_do_not_differ() -> None:
    values = [[0.0, 0.5, 1.0, 0.0, 0.5, 1.0], [0.25, 0.75, 0.25, 0.75, 0.0, 0.0]]
    same = paired_difference(values, values)
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_difference_is_the_second_minus_the_first_averaged_over_benchmarks() -> None:
    found = paired_difference([[0.0] * 6, [0.5] * 12], [[0.5] * 6, [0.6] * 12])
    assert found.value == pytest.approx((0.5 + 0.1) / 2)
    assert (found.low, found.high) == pytest.approx((found.value, found.value))


def test_one_problem_has_neither_interval_nor_p() -> None:
    found = paired_difference([[0.25]], [[0.5]])
    assert (found.value, found.low, found.high, found.p) == (0.25, None, None, None)


@pytest.mark.parametrize("problems", range(2, 13))
def test_equal_differences_of_few_problems_are_as_telling_as_their_signs(problems: int) -> None:
    found = paired_difference([[0.25] * problems], [[0.5] * problems])
    assert found.p == 2 / 2**problems
    assert (found.low is None) == (found.p > 0.05)


def test_p_is_the_share_of_signs_that_reach_as_far() -> None:
    # Of the 8 signs of 1, 2, 4, the sums of 5 and 7 are at least 5 from zero, and so are their opposites.
    assert paired_difference([[0.0, 0.0, 0.0, 0.3]], [[-0.1, 0.2, 0.4, 0.3]]).p == 4 / 8
    # Over benchmarks a problem weighs what it does in the macro average: 0.4 alone against 0.1 of two.
    assert paired_difference([[0.0], [0.0, 0.0]], [[0.4], [-0.1, 0.1]]).p == 6 / 8


def test_sampled_signs_agree_with_all_of_them() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.uniform(size=13), rng.uniform(0.1, 1.1, size=13)
    exact, sampled = (paired_difference([first], [second], replicates=count).p for count in (2**13, 2**13 - 1))
    assert exact is not None and exact != sampled
    assert sampled == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 2**13))


def test_pairing_takes_out_how_hard_the_problems_are() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.uniform(0, 0.9, 40)
    noise = rng.normal(0, 0.02, 40)
    paired = paired_difference([difficulty], [difficulty + 0.05 + noise])
    shuffled = paired_difference([difficulty], [rng.permutation(difficulty + 0.05 + noise)])
    assert None not in (paired.low, paired.high, paired.p, shuffled.low, shuffled.high, shuffled.p)
    assert paired.p < 0.01 < shuffled.p
    assert paired.high - paired.low < (shuffled.high - shuffled.low) / 5


def test_the_interval_covers_the_truth_and_p_is_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(1)
    covered, small = 0, 0
    repeats = 400
    for _ in range(repeats):
        difficulty = rng.uniform(size=60)
        first, second = (rng.binomial(8, difficulty) / 8 for _ in range(2))
        found = paired_difference([first], [second], replicates=400, seed=int(rng.integers(2**31)))
        covered += found.low <= 0 <= found.high
        small += found.p <= 0.05
    # 95 % and 5 %, with three standard errors of 400 repeats and what 60 problems cost.
    assert covered / repeats > 0.90
    assert small / repeats < 0.09


@pytest.mark.parametrize(("first", "second"), [([[1.0]], [[1.0, 0.0]]), ([], []), ([[]], [[]])])
def test_values_that_do_not_pair_up_are_refused(first: list[list[float]], second: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"same problems|at least one"):
        paired_difference(first, second)
