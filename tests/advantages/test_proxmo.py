import math
import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgpo.advantages.proxmo import episode_weight, soft_baseline, token_advantages, turn_advantages

TEXTS = ["a hall with a red door", "a hall with a blue door", "drawer 1", "drawer 2", "S F H", "F S H", "", "!?"]
TURNS = st.lists(st.tuples(st.sampled_from(TEXTS), st.floats(-1, 1)), min_size=1, max_size=12)


@given(st.floats(0, 1), st.floats(0.5, 8), st.floats(0.01, 0.5))
def test_weights_lie_between_1_and_the_range_and_meet_it_at_the_ends(p: float, alpha: float, reach: float) -> None:
    success, failure = (episode_weight(p, outcome, alpha=alpha, range=reach) for outcome in (1, 0))
    assert 1 - reach - 1e-12 <= failure <= 1 <= success <= 1 + reach + 1e-12
    # A success where a share of 1 - p fails is what a failure is where as many succeed.
    assert success - 1 == pytest.approx(1 - episode_weight(1 - p, 0, alpha=alpha, range=reach))
    assert episode_weight(0, 1, alpha=alpha, range=reach) == pytest.approx(1 + reach)
    assert episode_weight(1, 0, alpha=alpha, range=reach) == pytest.approx(1 - reach)
    assert episode_weight(1, 1, alpha=alpha, range=reach) == episode_weight(0, 0, alpha=alpha, range=reach) == 1


@given(TURNS, st.randoms())
def test_the_order_of_turns_does_not_matter(turns: list[tuple[str, float]], order: random.Random) -> None:
    shuffled = order.sample(range(len(turns)), len(turns))
    whole = soft_baseline(*zip(*turns, strict=True))
    moved = soft_baseline(*zip(*(turns[i] for i in shuffled), strict=True))
    assert moved == pytest.approx([whole[i] for i in shuffled])


@given(TURNS)
def test_a_baseline_is_a_mean_of_returns_and_the_same_for_the_same_text(turns: list[tuple[str, float]]) -> None:
    texts, returns = zip(*turns, strict=True)
    baseline = soft_baseline(texts, returns)
    for i, text in enumerate(texts):
        assert min(returns) - 1e-9 <= baseline[i] <= max(returns) + 1e-9
        assert baseline[i] == pytest.approx(baseline[texts.index(text)])
    mean = sum(returns) / len(returns)
    assert soft_baseline(texts, returns, temperature=1e9) == pytest.approx([mean] * len(texts), abs=1e-6)


def test_places_that_differ_by_one_character_are_told_apart() -> None:
    for one, other in (("drawer 1", "drawer 2"), ("S F F", "F H F")):
        baseline = soft_baseline([one, other], [1.0, 0.0], temperature=0.01)
        assert baseline[0] > 0.9 and baseline[1] < 0.1
    assert soft_baseline(["", "?!"], [1.0, 0.0], temperature=0.01) == [0.5, 0.5]


def test_similarity_is_the_cosine_of_tf_idf() -> None:
    # Two documents share x: idf(x) = 1, idf(y) = idf(z) = ln(3/2) + 1; "Y" is counted twice.
    idf = math.log(3 / 2) + 1
    cosine = 1 / (math.hypot(1, 2 * idf) * math.hypot(1, idf))
    weight = math.exp((cosine - 1) / 0.3)
    first, second = soft_baseline(["x y Y", "x z"], [1.0, 0.0], temperature=0.3)
    assert (first, second) == pytest.approx((1 / (1 + weight), weight / (1 + weight)))


def test_without_itself_a_turn_is_compared_with_the_others() -> None:
    assert soft_baseline(["a", "a", "b"], [1.0, 0.0, 0.5], temperature=0.01, exclude_self=True)[:2] == pytest.approx(
        [0.0, 1.0]
    )
    assert soft_baseline(["a", "b"], [1.0, 0.0], temperature=1e-4, exclude_self=True) == [0.0, 1.0]
    assert soft_baseline(["a"], [0.7], exclude_self=True) == soft_baseline(["a"], [0.7]) == [0.7]
    assert soft_baseline([], []) == []


def trajectory(success: int, *turns: tuple[str, float]) -> dict[str, Any]:
    return {"success": success, "observations": [text for text, _ in turns], "rewards": [reward for _, reward in turns]}


GROUP = [
    trajectory(1, ("start", 0), ("hall", 0), ("goal", 1)),
    trajectory(0, ("start", 0), ("hall", -0.1)),
    trajectory(0, ("start", 0)),
]


def test_a_turn_has_its_trajectory_s_advantage_and_its_own() -> None:
    advantages = turn_advantages(GROUP, gamma=0.5, omega=2.0, divide_by_std=False)
    texts = [text for each in GROUP for text in each["observations"]]
    returns = [0.25, 0.5, 1.0, -0.05, -0.1, 0.0]
    baseline = soft_baseline(texts, returns)
    episode = [episode_weight(1 / 3, r) * (r - 1 / 3) for r in (1, 0, 0)]
    expected = [episode[0]] * 3 + [episode[1]] * 2 + [episode[2]]
    expected = [a + 2 * (g - b) for a, g, b in zip(expected, returns, baseline, strict=True)]
    assert [a for each in advantages for a in each] == pytest.approx(expected)


def test_the_share_of_successes_is_of_trajectories_and_never_of_rewards() -> None:
    plain = turn_advantages(GROUP, omega=0.0)
    longer = [
        {**each, "rewards": [10.0, *each["rewards"]], "observations": ["x", *each["observations"]]} for each in GROUP
    ]
    assert [each[0] for each in turn_advantages(longer, omega=0.0)] == [each[0] for each in plain]
    deviation = math.sqrt(1 / 3)
    assert plain[0][0] == pytest.approx(episode_weight(1 / 3, 1) * (2 / 3) / deviation, rel=1e-5)


def test_groups_without_a_difference_have_no_episode_advantage() -> None:
    for group in (GROUP[:1], GROUP[1:], GROUP[2:]):
        assert all(a == 0 for each in turn_advantages(group, omega=0.0) for a in each)
    assert turn_advantages([]) == [] and turn_advantages([trajectory(1)]) == [[]]


def test_tokens_of_a_turn_have_its_advantage_and_others_none() -> None:
    mask = torch.tensor([1, 1, 0, 0, 1, 0, 1])
    spans = [(0, 2), (4, 6), (6, 9), (9, 12)]
    assert token_advantages([1.0, -2.0, 3.0, 4.0], spans, mask).tolist() == [1, 1, 0, 0, -2, 0, 3]
    assert token_advantages([], [], mask).tolist() == [0] * 7


def test_what_does_not_fit_together_is_refused() -> None:
    mask = torch.ones(4)
    for wrong, says in (
        (lambda: episode_weight(1.1, 1), "p=1.1"),
        (lambda: episode_weight(0.5, 0.5), "success=0.5"),
        (lambda: soft_baseline(["a"], []), "1 observations and 0 returns"),
        (lambda: soft_baseline(["a"], [1.0], temperature=0), "temperature=0"),
        (lambda: turn_advantages([trajectory(2, ("a", 0))]), "success=2"),
        (lambda: turn_advantages([{**GROUP[0], "rewards": [1.0]}]), "trajectory 0: 1 rewards and 3 observations"),
        (lambda: token_advantages([1.0], [], mask), "1 advantages and 0 spans"),
        (lambda: token_advantages([1.0], [(3, 2)], mask), r"span \[3, 2\)"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()
