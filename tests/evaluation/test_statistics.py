import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgpo.evaluation.statistics import (
    avg_at_k,
    majority_at_k,
    paired_difference,
    pass_at_k,
    standard_error_over_problems,
    standard_error_over_samples,
)


@pytest.mark.parametrize("n", range(1, 9))
def test_pass_at_k_equals_the_share_of_subsets_with_a_right_sample(n: int) -> None:
    for c in range(n + 1):
        samples = [1] * c + [0] * (n - c)
        for k in range(1, n + 1):
            subsets = list(combinations(samples, k))
            assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    """Its expectation over n binomial samples is 1 - (1-p)^k, exactly."""
    n, k, p = 6, 3, 0.3
    counts = np.arange(n + 1)
    weights = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    assert np.dot(weights, pass_at_k(n, counts, k)) == pytest.approx(1 - (1 - p) ** k)


@given(st.integers(1, 10**6), st.data())
def test_pass_at_k_stays_in_range_for_large_counts(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, min(n, 10**4)))
    assert 0.0 <= float(pass_at_k(n, c, k)) <= 1.0


def test_problems_may_differ_in_samples() -> None:
    n, c = [4, 8, 2], [1, 8, 0]
    assert pass_at_k(n, c, 1) == pytest.approx([0.25, 1.0, 0.0])
    assert avg_at_k(n, c) == pytest.approx(pass_at_k(n, c, 1))
    assert pass_at_k(np.full((2, 3), 4), np.zeros((2, 3), int), 2).shape == (2, 3)


def test_errors_match_the_spread_of_repeated_experiments() -> None:
    rng = np.random.default_rng(0)
    problems, n = 60, 8
    difficulty = rng.beta(1, 1, problems)
    repeats = rng.binomial(n, difficulty, (4000, problems))
    spread = avg_at_k(n, repeats).mean(1).std()
    estimated = np.mean([standard_error_over_samples(n, row) for row in repeats[:500]])
    assert estimated == pytest.approx(spread, rel=0.05)

    fresh = rng.binomial(n, rng.beta(1, 1, (4000, problems)))
    spread = avg_at_k(n, fresh).mean(1).std()
    estimated = np.mean([standard_error_over_problems(avg_at_k(n, row)) for row in fresh[:500]])
    assert estimated == pytest.approx(spread, rel=0.05)


def test_copying_every_sample_does_not_shrink_the_error_over_problems() -> None:
    correct = np.array([0, 3, 8, 5])
    assert standard_error_over_problems(avg_at_k(8, correct)) == standard_error_over_problems(avg_at_k(16, 2 * correct))


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 0), (4, 1, 5), (0, 0, 1)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"must lie between|need 0"):
        pass_at_k(n, c, k)


def test_shares_in_place_of_counts_are_refused() -> None:
    with pytest.raises(TypeError, match="must be integers"):
        pass_at_k(8, 0.5, 1)
    with pytest.raises(ValueError, match="2 or more problems"):
        standard_error_over_problems([0.5])
    with pytest.raises(ValueError, match="2 or more samples"):
        standard_error_over_samples([1, 1], [0, 1])


def by_enumeration(correct: int, wrong: list[int], without: int, k: int) -> float:
    """Over every subset: the chance that a right answer wins the vote."""
    samples = [0] * correct + [number for number, size in enumerate(wrong, 1) for _ in range(size)] + [-1] * without
    total = count = 0.0
    for subset in combinations(samples, k):
        votes = {each: subset.count(each) for each in subset if each >= 0}
        winners = [each for each, number in votes.items() if number == max(votes.values())]
        total += (0 in winners) / len(winners) if winners else 0.0
        count += 1
    return total / count


@settings(max_examples=60)
@given(st.integers(0, 4), st.lists(st.integers(1, 3), max_size=3), st.integers(0, 2))
def test_majority_equals_the_mean_over_all_subsets(correct: int, wrong: list[int], without: int) -> None:
    for k in range(1, correct + sum(wrong) + without + 1):
        expected = by_enumeration(correct, wrong, without, k)
        assert majority_at_k(correct, wrong, without, k) == pytest.approx(expected, abs=1e-12)


def test_one_vote_is_the_share_of_right_samples_and_all_right_is_one() -> None:
    assert majority_at_k(3, [2, 1], 2, 1) == pytest.approx(3 / 8)
    assert majority_at_k(32, [], 0, 7) == pytest.approx(1.0)
    assert majority_at_k(0, [3], 2, 4) == 0.0


def test_it_stays_exact_for_as_many_samples_as_it_takes() -> None:
    value = majority_at_k(600, [400], 0, 999)
    assert value == pytest.approx(1.0)
    assert 0.6 < majority_at_k(600, [400], 0, 9) < float(pass_at_k(1000, 600, 9))


@pytest.mark.parametrize(("wrong", "k", "message"), [([1], 0, "k=0"), ([1], 4, "k=4"), ([999], 1, "1000 samples")])
def test_impossible_votes_are_refused(wrong: list[int], k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        majority_at_k(2, wrong, 0, k)


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
    assert found.value == 0.25 and np.isnan([found.low, found.high, found.p]).all()


@pytest.mark.parametrize("problems", range(2, 13))
def test_equal_differences_of_few_problems_are_as_telling_as_their_signs(problems: int) -> None:
    found = paired_difference([[0.25] * problems], [[0.5] * problems])
    assert found.p == 2 / 2**problems
    assert np.isnan(found.low) == (found.p > 0.05)


def test_p_is_the_share_of_signs_that_reach_as_far() -> None:
    # Of the 8 signs of 1, 2, 4, the sums of 5 and 7 are at least 5 from zero, and so are their opposites.
    assert paired_difference([[0.0, 0.0, 0.0, 0.3]], [[-0.1, 0.2, 0.4, 0.3]]).p == 4 / 8
    # Over benchmarks a problem weighs what it does in the macro average: 0.4 alone against 0.1 of two.
    assert paired_difference([[0.0], [0.0, 0.0]], [[0.4], [-0.1, 0.1]]).p == 6 / 8


def test_sampled_signs_agree_with_all_of_them() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.uniform(size=13), rng.uniform(0.1, 1.1, size=13)
    exact, sampled = (paired_difference([first], [second], replicates=count).p for count in (2**13, 2**13 - 1))
    assert exact != sampled
    assert sampled == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 2**13))


def test_pairing_takes_out_how_hard_the_problems_are() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.uniform(0, 0.9, 40)
    noise = rng.normal(0, 0.02, 40)
    paired = paired_difference([difficulty], [difficulty + 0.05 + noise])
    shuffled = paired_difference([difficulty], [rng.permutation(difficulty + 0.05 + noise)])
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


@pytest.mark.parametrize(("first", "second"), [([[1.0]], [[1.0, 0.0]]), ([], [])])
def test_values_that_do_not_pair_up_are_refused(first: list[list[float]], second: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"same problems|at least one"):
        paired_difference(first, second)
