"""Metrics of unlearning, on cases that can be counted by hand and on their limits."""

import math

import pytest

from dgpo.unlearning.metrics import (
    exact_memorization,
    extraction_strength,
    forget_quality,
    membership_auc,
    min_k_score,
    model_utility,
    privleak,
    truth_ratio,
)


def test_the_truth_ratio_compares_the_geometric_mean_of_the_wrong_with_the_right() -> None:
    # Probabilities of a quarter and a ninth have the mean of a sixth; the right answer's is a half.
    ratio = truth_ratio([math.log(2)], [[math.log(4), math.log(9)]])
    assert ratio == pytest.approx([1 / 3])
    with pytest.raises(ValueError, match="row 1: no wrong answer"):
        truth_ratio([1.0, 1.0], [[1.0], []])
    with pytest.raises(ValueError, match="2 right answers"):
        truth_ratio([1.0, 1.0], [[1.0]])


def test_forget_quality_is_the_p_of_the_largest_gap() -> None:
    wrong = [[0.0]] * 200
    model = [row / 200 for row in range(200)]
    # Fifteen of the retain model's rows lie above all of the model's, so that the distributions are 15/200 apart.
    retain = [*model[15:], *(2.0 + row / 200 for row in range(15))]
    quality = forget_quality(model, wrong, retain, wrong)
    assert quality.distance == pytest.approx(15 / 200) and quality.value == pytest.approx(0.6284, abs=1e-4)
    assert forget_quality(model, wrong, model, wrong).value == 1
    with pytest.raises(ValueError, match="rows of both"):
        forget_quality([], [], model, wrong)


def test_utility_is_a_harmonic_mean_that_one_zero_makes_zero() -> None:
    assert model_utility([1.0, 0.5, 0.25]) == pytest.approx(3 / 7)
    assert model_utility({"retain": 0.9, "real": 0.0}) == 0
    for parts in ({"real": 1.5}, {"real": -0.1}, {"real": math.nan}):
        with pytest.raises(ValueError, match="part real="):
            model_utility(parts)
    with pytest.raises(ValueError, match="needs parts"):
        model_utility([])


def test_extraction_counts_the_end_that_comes_by_itself_and_memorisation_every_token() -> None:
    labels = [4, 5, 6, 7]
    for predicted, strength, exact in (
        ([4, 5, 6, 7], 1.0, 1.0),
        ([9, 5, 6, 7], 0.75, 0.75),
        ([4, 9, 6, 7], 0.5, 0.75),
        ([4, 5, 6, 9], 0.0, 0.75),
        ([9, 9, 9, 9], 0.0, 0.0),
    ):
        assert (extraction_strength(predicted, labels), exact_memorization(predicted, labels)) == (strength, exact)
    for predicted in ([4], []):
        with pytest.raises(ValueError, match="expected as many"):
            extraction_strength(predicted, labels[:0] if not predicted else labels)


def test_the_score_of_a_text_is_that_of_its_least_likely_tokens() -> None:
    assert min_k_score([-5.0, -1.0, -3.0, -0.1, -0.2]) == pytest.approx(4.0)
    assert min_k_score([-2.0]) == 2.0
    assert min_k_score([-2.0, -4.0], share=1) == 3.0
    with pytest.raises(ValueError, match="share=0"):
        min_k_score([-1.0], share=0)
    with pytest.raises(ValueError, match="0 log-probs"):
        min_k_score([])


def test_leakage_is_zero_at_the_retain_model_s_own_auc_and_minus_a_hundred_where_all_is_known() -> None:
    holdout = [1.0, 2.0, 3.0, 4.0]
    assert membership_auc([0.5, 0.6], holdout) == 1
    assert membership_auc([2.0], holdout) == pytest.approx(2.5 / 4)
    unseen = [0.5, 3.5]
    assert privleak(unseen, holdout, unseen, holdout) == pytest.approx(0)
    assert privleak([0.5, 0.6], holdout, unseen, holdout) == pytest.approx(-100)
    # Less likely than what was never seen.
    assert privleak([9.0, 9.0], holdout, unseen, holdout) > 0
    with pytest.raises(ValueError, match="has seen them"):
        privleak(unseen, holdout, [0.5], holdout)
    with pytest.raises(ValueError, match="both sets"):
        privleak([], holdout, unseen, holdout)
