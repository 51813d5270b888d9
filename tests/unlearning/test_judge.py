"""Metrics from figures, with their intervals."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgpo.errors import UserError
from dgpo.evaluation.statistics import Interval
from dgpo.unlearning.judge import judge_model, picture


def result(seed: int = 0, *, shift: float = 0.0, authors: int = 5) -> dict[str, Any]:
    """Figures of ten rows a file, two an author."""
    rng = np.random.default_rng(seed)

    def figures() -> dict[str, Any]:
        return {
            "author": [str(row // (10 // authors)) for row in range(10)],
            "loss": rng.uniform(0.5, 1, 10).tolist(),
            "paraphrased_loss": (rng.uniform(1, 2, 10) + shift).tolist(),
            "perturbed_loss": rng.uniform(2, 3, (10, 5)).tolist(),
            "rouge": rng.uniform(0, 1, 10).tolist(),
            "min_k": rng.uniform(0, 1, 10).tolist(),
            "leaked": [1.0, 0.0, *[None] * 8],
        }

    names = ("forget", "retain_eval", "real_authors", "world_facts", "holdout")
    return {"model": "some", "files": {name: figures() for name in names}}


def test_the_retain_model_is_at_no_distance_from_itself() -> None:
    found = judge_model(result(), result(), resamples=20)
    assert found["forget_quality"].value == 1 and found["ks_distance"].value == 0
    assert found["privleak"].value == pytest.approx(0)
    far = judge_model(result(shift=5.0), result(), resamples=20)
    assert far["forget_quality"].value < 1e-3 and far["ks_distance"].value == 1


def test_rows_that_say_nothing_are_left_out_of_a_mean() -> None:
    assert judge_model(result(), None, resamples=0)["leaked"].value == 0.5


def test_what_is_missing_is_not_measured() -> None:
    some = result()
    del some["files"]["world_facts"]
    found = judge_model(some, None, resamples=5)
    assert "model_utility" not in found and "forget_quality" not in found and "forget_truth_ratio" in found


def test_muse_has_metrics_and_texts_of_its_own() -> None:
    some = result()
    some["files"]["verbmem"] = {"author": ["0", "1"], "verbmem": [0.25, 0.75]}
    some["files"]["privleak_forget"] = {"author": ["0"], "min_k": [0.9]}
    some["files"]["privleak_holdout"] = {"author": ["0", "1"], "min_k": [0.1, 1.0]}
    found = judge_model(some, some, resamples=5)
    assert found["verbmem"].value == 0.5 and found["privleak"].value == pytest.approx(0)


def test_a_value_outside_of_its_interval_is_drawn_too(tmp_path: Path) -> None:
    metrics = {"model_utility": Interval(0.5, 0.6, 0.7), "ks_distance": Interval(0.3, 0.1, 0.2)}
    picture({"some": metrics}, tmp_path / "some")
    assert (tmp_path / "some.png").stat().st_size > 1000


def test_authors_are_drawn_with_all_their_rows() -> None:
    one = judge_model(result(authors=1), None, resamples=20)["forget_probability"]
    assert one.low == one.value == one.high
    many = judge_model(result(authors=10), None, resamples=200)["forget_probability"]
    assert many.low < many.value < many.high


def test_a_retain_model_that_was_measured_on_other_rows_is_refused() -> None:
    with pytest.raises(UserError, match="other rows of forget"):
        judge_model(result(), result(authors=2), resamples=0)
