import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.rewards.shaping import Shaping, has_format, overlong_penalty


@pytest.mark.parametrize(
    ("tokens", "penalty"),
    # DAPO's own setting: 16,384 tokens expected, 4,096 of buffer.
    [(0, 0.0), (16384, 0.0), (16385, -1 / 4096), (18432, -0.5), (20480, -1.0), (30000, -1.0)],
)
def test_the_overlong_penalty_is_dapo_s(tokens: int, penalty: float) -> None:
    assert overlong_penalty(tokens, 20480, 4096) == pytest.approx(penalty)


@given(st.integers(1, 10**6), st.data())
def test_the_overlong_penalty_falls_steadily_from_0_to_minus_1(longest: int, data: st.DataObject) -> None:
    buffer = data.draw(st.integers(1, longest))
    tokens = data.draw(st.integers(0, longest - 1))
    here, next_one = (overlong_penalty(count, longest, buffer) for count in (tokens, tokens + 1))
    assert -1 <= next_one <= here <= 0
    assert here - next_one <= 1 / buffer + 1e-12


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ("<think>2 + 2 is 4.</think>\nThe answer is \\boxed{4}.", True),
        # The prompt has opened the tag already.
        ("2 + 2 is 4.\n</think>\n\\boxed{4}", True),
        ("\n <think>a < b</think>\\boxed{4}", True),
        ("\\boxed{4}", False),
        ("<think>2 + 2 is 4. \\boxed{4}", False),
        ("<think></think>\\boxed{4}", False),
        (" \n</think>\\boxed{4}", False),
        ("So: <think>2 + 2</think>\\boxed{4}", False),
        ("<think>one</think><think>two</think>\\boxed{4}", False),
        ("<think>one</think>two</think>\\boxed{4}", False),
        ("<think><think>one</think>\\boxed{4}", False),
        ("one</think>\\boxed{4}<think>", False),
    ],
)
def test_the_format_is_a_thought_and_then_an_answer(response: str, kept: bool) -> None:
    assert has_format(response, answered=True) is kept
    assert not has_format(response, answered=False)


def test_a_hostile_response_of_a_million_characters_costs_linear_time() -> None:
    started = time.process_time()
    for text in ("<think>" * 150_000, "</think>" * 120_000, " \n" * 500_000, "<" * 10**6):
        assert not has_format(text, answered=True)
    assert time.process_time() - started < 10  # quadratic time takes minutes


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scoring": "minus"}, "scoring='minus' must be one of binary, signed"),
        ({"overlong_buffer": -1}, "overlong_buffer=-1 must be an integer of tokens in [0, inf)"),
        ({"overlong_buffer": 10.5}, "overlong_buffer=10.5 must be an integer"),
        ({"overlong_buffer": True}, "overlong_buffer=True must be an integer"),
        ({"overlong_buffer": 8, "overlong_weight": 0}, "overlong_weight=0 must be a number in (0, inf)"),
        ({"overlong_buffer": 8, "overlong_weight": float("nan")}, "overlong_weight=nan must be"),
        ({"overlong_weight": 0.5}, "overlong_weight=0.5 has no effect while overlong_buffer is 0"),
        ({"format_weight": -0.1}, "format_weight=-0.1 must be a number in [0, inf)"),
        ({"format_weight": "much"}, "format_weight='much' must be a number"),
    ],
)
def test_a_bad_option_is_refused(options: dict, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Shaping(**options)
