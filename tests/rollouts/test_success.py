import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.errors import UserError
from dgpo.rollouts.success import SuccessCounts, prompt_key, success_sigma


@given(st.integers(2, 12), st.fractions(0, 1, max_denominator=20))
def test_the_square_of_sigma_is_the_variance_of_a_verdict_on_average(rollouts: int, p: Fraction) -> None:
    mean = 0.0
    for k in range(rollouts + 1):
        sigma = success_sigma(k, rollouts)
        assert sigma is not None
        mean += math.comb(rollouts, k) * float(p) ** k * float(1 - p) ** (rollouts - k) * sigma**2
    assert mean == pytest.approx(float(p * (1 - p)), abs=1e-12)


@given(st.integers(2, 100), st.data())
def test_right_and_wrong_are_alike(rollouts: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, rollouts))
    assert success_sigma(k, rollouts) == success_sigma(rollouts - k, rollouts)
    assert (success_sigma(k, rollouts) == 0) is (k in (0, rollouts))


def test_one_answer_tells_nothing_and_two_tell_something() -> None:
    assert success_sigma(0, 0) is None and success_sigma(1, 1) is None and success_sigma(0.5, 1.9) is None
    assert success_sigma(1, 2) == pytest.approx(math.sqrt(1 / 2))


@pytest.mark.parametrize(("successes", "rollouts"), [(-1, 4), (5, 4), (0, math.inf), (math.nan, 4), (1, math.nan)])
def test_counts_that_cannot_be_are_refused(successes: float, rollouts: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        success_sigma(successes, rollouts)


def test_a_prompt_is_known_by_its_content() -> None:
    prompt = [{"role": "user", "content": "1+1?"}]
    key = prompt_key("sums", prompt, "2")
    assert key == prompt_key("sums", np.array([{"content": "1+1?", "role": "user"}], dtype=object), "2")
    others = [("other", prompt, "2"), ("sums", prompt, "3"), ("sums", [{"role": "user", "content": "1+2?"}], "2")]
    assert len({key, *(prompt_key(*other) for other in others)}) == 4


def test_counts_add_up_and_survive_the_disk(tmp_path: Path) -> None:
    counts = SuccessCounts()
    for successes, rollouts in ((1, 4), (3, 8)):
        counts.observe("a", successes, rollouts)
    counts.observe("b", 1, 1)
    counts.save(tmp_path / "counts.json")
    restored = SuccessCounts()
    restored.load(tmp_path / "counts.json")
    for each in (counts, restored):
        assert each.sigma("a") == success_sigma(4, 12)
        assert each.sigma("b") is None and each.sigma("never seen") is None
    assert len(restored) == 2


def test_older_answers_fade() -> None:
    counts = SuccessCounts(forget=0.5)
    counts.observe("a", 0, 8)
    counts.observe("a", 4, 4)
    assert counts.sigma("a") == success_sigma(4, 8)


def test_a_mastered_prompt_is_certain() -> None:
    counts = SuccessCounts()
    counts.observe("a", 6, 8)
    assert counts.sigma("a", mastery=0.75) == 0
    assert counts.sigma("a", mastery=0.8) == counts.sigma("a") == success_sigma(6, 8)
    assert counts.sigma("never seen", mastery=0.5) is None


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 3}', '{"a": [1]}', '{"a": ["x", 2]}'])
def test_a_file_of_something_else_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "counts.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"counts\.json: no success counts can be loaded"):
        SuccessCounts().load(file)
