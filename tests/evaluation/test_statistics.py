import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.evaluation.statistics import avg_at_k, pass_at_k, standard_error_over_problems, standard_error_over_samples


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
