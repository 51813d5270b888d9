import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.rollouts.allocation import allocate, allocation_metrics, known_sigma, summed_variance

SIGMA = st.one_of(st.none(), st.just(0.0), st.floats(0.001, 0.71))


@st.composite
def tasks(draw: st.DrawFn, prompts: int = 40) -> tuple[list[float | None], int, int, int]:
    """σ, total, low, high."""
    sigma = draw(st.lists(SIGMA, min_size=1, max_size=prompts))
    low = draw(st.integers(1, 4))
    high = draw(st.integers(low, low + 6))
    return sigma, draw(st.integers(len(sigma) * low, len(sigma) * high)), low, high


@given(tasks(prompts=4))
def test_no_other_choice_of_whole_numbers_has_less_variance(task: tuple) -> None:
    sigma, total, low, high = task
    others = itertools.product(range(low, high + 1), repeat=len(sigma))
    best = min(summed_variance(sigma, n) for n in others if sum(n) == total)
    assert summed_variance(sigma, allocate(sigma, total, low=low, high=high)) == pytest.approx(best, abs=1e-12)


@given(tasks())
def test_total_and_bounds_are_kept_and_more_uncertain_prompts_get_no_fewer(task: tuple) -> None:
    sigma, total, low, high = task
    n = allocate(sigma, total, low=low, high=high)
    assert sum(n) == total and min(n) >= low and max(n) <= high
    by_sigma = sorted(zip(known_sigma(sigma), n, strict=True))
    for (less, fewer), (more, others) in itertools.pairwise(by_sigma):
        assert fewer <= others + math.isclose(less, more)


@given(tasks(), st.floats(0.01, 10))
def test_the_unit_of_sigma_does_not_matter(task: tuple, scale: float) -> None:
    sigma, total, low, high = task
    scaled = [None if value is None else scale * value for value in sigma]
    n = allocate(scaled, total, low=low, high=high)
    assert summed_variance(sigma, n) == pytest.approx(
        summed_variance(sigma, allocate(sigma, total, low=low, high=high)), abs=1e-9
    )


@pytest.mark.parametrize("sigma", [[None] * 5, [0.0] * 5, [0.3] * 5])
def test_alike_prompts_share_alike_and_the_earlier_ones_get_what_is_over(sigma: list[float | None]) -> None:
    assert allocate(sigma, 42, low=2, high=16) == [9, 9, 8, 8, 8]


def test_a_prompt_never_seen_counts_as_the_others_do_on_average() -> None:
    assert known_sigma([0.0, None, 0.4, None]) == pytest.approx([0.0, math.sqrt(0.08), 0.4, math.sqrt(0.08)])
    assert known_sigma([None, None]) == [0.5, 0.5]
    assert allocate([0.0, None, 0.5], 24, low=4, high=16) == [4, 8, 12]


def test_rollouts_follow_sigma_where_no_bound_is_met() -> None:
    assert allocate([0.1, 0.2, 0.3, 0.4], 1000, low=1, high=1000) == [100, 200, 300, 400]
    assert allocate([0.35, 0.7], 4, low=1, high=4) == [1, 3]


def test_the_metrics_of_an_allocation() -> None:
    assert allocation_metrics([0.0, None, 0.4], [2, 4, 6], low=2, high=6) == pytest.approx(
        {
            "rollouts/n_min": 2,
            "rollouts/n_max": 6,
            "rollouts/n_std": math.sqrt(8 / 3),
            "rollouts/at_low": 1 / 3,
            "rollouts/at_high": 1 / 3,
            "rollouts/unknown": 1 / 3,
            "rollouts/variance_ratio": (0.08 / 4 + 0.16 / 6) / ((0.08 + 0.16) / 4),
        }
    )
    assert allocation_metrics([0.0, 0.0], [2, 4], low=2, high=4)["rollouts/variance_ratio"] == 1


def test_nothing_is_asked_of_no_prompts() -> None:
    assert allocate([], 0, low=2, high=4) == []


@pytest.mark.parametrize(
    ("sigma", "total", "low", "high", "says"),
    [
        ([0.1, 0.2], 3, 2, 4, r"total=3 must be in \[4, 8\]"),
        ([0.1, 0.2], 9, 2, 4, r"total=9 must be in \[4, 8\]"),
        ([], 1, 2, 4, r"total=1 must be in \[0, 0\]"),
        ([0.1], 2, 0, 4, r"low=0 must be in \[1, high=4\]"),
        ([0.1], 4, 5, 4, r"low=5 must be in \[1, high=4\]"),
        ([-0.1], 4, 2, 4, "sigma=-0.1"),
        ([math.nan], 4, 2, 4, "sigma=nan"),
        ([math.inf], 4, 2, 4, "sigma=inf"),
    ],
)
def test_what_cannot_be_allocated_is_refused(sigma: list, total: int, low: int, high: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        allocate(sigma, total, low=low, high=high)
