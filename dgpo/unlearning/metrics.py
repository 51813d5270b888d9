"""What is forgotten and what is kept: TOFU's (arXiv 2401.06121) and MUSE's (arXiv 2407.06460) metrics.

Losses are means over an answer's tokens, end token included, in nats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class ForgetQuality:
    """How far the unlearned model's truth ratios are from those of a model that never saw the forget set.

    Attributes:
        value: p of the two-sample Kolmogorov-Smirnov test; 1 where nothing tells the models apart. With n rows it lies
            on a grid, where one row can be a tenth.
        distance: the test's D, the largest gap between the two distributions, 0 to 1.
    """

    value: float
    distance: float


def truth_ratio(paraphrased_loss: Sequence[float], perturbed_loss: Sequence[Sequence[float]]) -> np.ndarray:
    """R = exp(-mean_j loss(wrong_j)) / exp(-loss(right)) of each row: above 1 where wrong answers are likelier.

    The mean over the wrong answers is geometric, as in the published evaluations; TOFU's text has an arithmetic one.

    Args:
        paraphrased_loss: loss of the right answer in other words, one a row.
        perturbed_loss: losses of the wrong answers, a list a row.

    Raises:
        ValueError: the rows do not match, or one has no wrong answer.
    """
    if len(paraphrased_loss) != len(perturbed_loss):
        raise ValueError(f"{len(paraphrased_loss)} right answers and wrong ones of {len(perturbed_loss)} rows")
    if not all(len(row) for row in perturbed_loss):
        raise ValueError(f"row {next(i for i, row in enumerate(perturbed_loss) if not len(row))}: no wrong answer")
    wrong = np.array([sum(row) / len(row) for row in perturbed_loss], dtype=np.float64)
    return np.exp(np.asarray(paraphrased_loss, dtype=np.float64) - wrong)


def forget_quality(
    model_paraphrased_loss: Sequence[float],
    model_perturbed_loss: Sequence[Sequence[float]],
    retain_paraphrased_loss: Sequence[float],
    retain_perturbed_loss: Sequence[Sequence[float]],
) -> ForgetQuality:
    """Two-sample Kolmogorov-Smirnov test of truth ratios on the forget set; ValueError as `truth_ratio`, or no rows."""
    model = truth_ratio(model_paraphrased_loss, model_perturbed_loss)
    retain = truth_ratio(retain_paraphrased_loss, retain_perturbed_loss)
    if not len(model) or not len(retain):
        raise ValueError("forget quality needs rows of both models")
    test: Any = stats.ks_2samp(model, retain)
    return ForgetQuality(value=float(test.pvalue), distance=float(test.statistic))


def model_utility(parts: Mapping[str, float] | Sequence[float]) -> float:
    """Harmonic mean of TOFU's nine parts, each 0 to 1: {retain, real authors, world facts} x {probability, ROUGE-L
    recall, truth ratio}. One zero makes it zero.

    Raises:
        ValueError: no parts, or one that is no number from 0 to 1.
    """
    named = parts if isinstance(parts, Mapping) else {str(index): part for index, part in enumerate(parts)}
    for name, part in named.items():
        if not 0 <= part <= 1:
            raise ValueError(f"part {name}={part}: expected 0 to 1")
    if not named:
        raise ValueError("model utility needs parts")
    return float(stats.hmean(list(named.values()))) if all(named.values()) else 0.0


def extraction_strength(predicted: Sequence[int], labels: Sequence[int]) -> float:
    """1 - k/T with the smallest k for which all tokens from k on are predicted; 0 where the last one is not.

    Args:
        predicted: the likeliest token at each position, the true ones before it given.
        labels: the answer's T tokens, without the end token.

    Raises:
        ValueError: other lengths, or no tokens.
    """
    hits = matches(predicted, labels)
    kept = next((index for index, hit in enumerate(reversed(hits)) if not hit), len(hits))
    return kept / len(hits)


def exact_memorization(predicted: Sequence[int], labels: Sequence[int]) -> float:
    """Share of the answer's tokens that are predicted; arguments and errors as `extraction_strength`."""
    hits = matches(predicted, labels)
    return sum(hits) / len(hits)


def matches(predicted: Sequence[int], labels: Sequence[int]) -> list[bool]:
    if len(predicted) != len(labels) or not len(labels):
        raise ValueError(
            f"{len(predicted)} predicted tokens for {len(labels)} labels: expected as many, and one at least"
        )
    return [int(left) == int(right) for left, right in zip(predicted, labels, strict=True)]


def min_k_score(log_probs: Sequence[float], share: float = 0.4) -> float:
    """Minus the mean of the lowest ``share`` of a text's token log-probs (Min-K%, arXiv 2310.16789): low where the
    model has seen it.

    Raises:
        ValueError: no tokens, or a share outside (0, 1].
    """
    if not len(log_probs) or not 0 < share <= 1:
        raise ValueError(f"{len(log_probs)} log-probs, share={share}: expected one at least, and a share in (0, 1]")
    lowest = sorted(log_probs)[: max(1, int(len(log_probs) * share))]
    return -sum(lowest) / len(lowest)


def membership_auc(forget_scores: Sequence[float], holdout_scores: Sequence[float]) -> float:
    """P(a forget text has a lower score than a holdout text), ties as a half: 1 where the model gives away what it has
    seen, a half where it does not know.

    Args:
        forget_scores: `min_k_score` of texts that were trained on.
        holdout_scores: the same of texts that never were.
    """
    if not len(forget_scores) or not len(holdout_scores):
        raise ValueError("an AUC needs scores of both sets")
    result = stats.mannwhitneyu(holdout_scores, forget_scores, method="asymptotic")
    return float(result.statistic) / (len(forget_scores) * len(holdout_scores))


def privleak(
    forget_scores: Sequence[float],
    holdout_scores: Sequence[float],
    retain_model_forget_scores: Sequence[float],
    retain_model_holdout_scores: Sequence[float],
) -> float:
    """MUSE's privacy leakage in percent, from `min_k_score` of each text under the model and under the retain model.

        ((1 - AUC) - (1 - AUC_retain)) / (1 - AUC_retain) · 100

    0 is the retain model's own; -100 where nothing was forgotten; above 0 where forgetting can be told from not
    knowing. Without the retain model's AUC in its place a half would shift it by tens of points.

    Raises:
        ValueError: a set is empty, or the retain model's AUC is 1.
    """
    auc = membership_auc(forget_scores, holdout_scores)
    reference = membership_auc(retain_model_forget_scores, retain_model_holdout_scores)
    if math.isclose(reference, 1.0):
        raise ValueError("the retain model's AUC is 1: it tells the forget texts from all others, so it has seen them")
    return (reference - auc) / (1 - reference) * 100
