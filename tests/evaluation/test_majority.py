from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgpo.evaluation.majority import answer_key, group_answers, majority_at_k
from dgpo.evaluation.statistics import pass_at_k


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


def test_answers_are_one_when_the_verifier_calls_them_equal() -> None:
    answers = ["0.5", r"\frac{1}{2}", "x+1", "1 + x", "2", r"\dfrac12", "2.0"]
    assert group_answers([(answer_key(each), True) for each in answers], 5.0) == [0, 0, 1, 1, 2, 0, 2]


def test_an_answer_that_the_verifier_could_not_read_equals_its_copies_alone() -> None:
    answers = [("0.5", False), ("1/2", True), ("0.5", False), ("1/2", True)]
    assert group_answers(answers, 5.0) == [0, 1, 0, 1]
