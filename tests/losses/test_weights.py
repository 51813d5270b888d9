"""The gradient weights against the papers' formulas, written out case by case, and their limits."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgpo.losses import METHODS, gradient_weight

RATIOS = (0.01, 0.1, 0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0, 4.0, 20.0)
LO, HI = 0.8, 1.2


def weights(name: str, ratios, advantage: float, old_prob: float = math.exp(-1), **hyper_parameters) -> torch.Tensor:
    d = torch.tensor([math.log(r) for r in ratios])
    old_log_prob = torch.full_like(d, math.log(old_prob))
    return gradient_weight(name, d, torch.full_like(d, advantage), old_log_prob, **hyper_parameters)


def clip(r: float) -> float:
    return min(max(r, LO), HI)


def dgpo(n: int, m: int):
    return lambda r, a: (
        r ** (n + 1) / LO**n if a < 0 and r < LO else r ** (1 - 1 / m) * HI ** (1 / m) if a > 0 and r > HI else r
    )


def scaled(left: float, right: float):
    return lambda r, a: left * LO if a < 0 and r < LO else right * HI if a > 0 and r > HI else r


def aspo(r: float, a: float) -> float:
    if a > 0:
        return 0.0 if r > HI else min(1 / r, 3.0)
    return 0.0 if r < LO else min(r, 3.0)


def maspo(r: float, a: float) -> float:
    sigma = math.exp(0.3) * (1 + 0.03 * a if a > 0 else 1 / (1 - 0.03 * a))
    return r * math.exp(-((r - 1) ** 2) / (2 * sigma**2)) if (r > 1) == (a > 0) else r


def sapo(r: float, a: float) -> float:
    s = 1 / (1 + math.exp(-(1.0 if a > 0 else 1.05) * (r - 1)))
    return 4 * s * (1 - s) * r


FORMULAS = [
    ("dgpo", {"n": 1, "m": 1}, dgpo(1, 1)),
    ("dgpo", {}, dgpo(1, 2)),
    ("dgpo", {"n": 2, "m": 2}, dgpo(2, 2)),
    ("dgpo", {"n": 5, "m": 7}, dgpo(5, 7)),
    ("dgpo", {"clip_ratio_c": 3.0}, lambda r, a: min(dgpo(1, 2)(r, a), 3.0) if a < 0 else dgpo(1, 2)(r, a)),
    ("grpo", {}, lambda r, a: 0.0 if (r > HI if a > 0 else r < LO or r > 3) else r),
    ("grpo", {"clip_ratio_c": None}, scaled(0, 0)),
    ("cispo", {}, lambda r, a: clip(r)),
    ("cispo", {"one_sided": True}, lambda r, a: min(r, HI)),
    ("gppo", {}, scaled(1, 1)),
    ("ce_gppo", {"beta1": 0.75, "beta2": 1.0}, scaled(0.75, 1)),
    ("ce_gppo", {"beta1": 0.5, "beta2": 1.5}, scaled(0.5, 1.5)),
    ("ce_gppo", {"beta1": 0.0, "beta2": 0.0}, scaled(0, 0)),
    ("aspo", {}, aspo),
    ("maspo", {}, maspo),
    ("maspo", {"clip_ratio_c": 3.0}, lambda r, a: min(maspo(r, a), 3.0) if a < 0 else maspo(r, a)),
    ("sapo", {}, sapo),
]


@pytest.mark.parametrize("advantage", [1.0, -1.0, 2.5, -0.3])
@pytest.mark.parametrize(("name", "hyper_parameters", "formula"), FORMULAS)
def test_weight_is_the_papers_formula(name, hyper_parameters, formula, advantage):
    expected = torch.tensor([formula(r, advantage) for r in RATIOS])
    torch.testing.assert_close(weights(name, RATIOS, advantage, **hyper_parameters), expected, rtol=1e-5, atol=1e-37)


# F at the RATIOS, worked out by hand to four digits.
TABLE = [
    ("dgpo", {"m": 1}, 1, [0.01, 0.1, 0.5, 0.79, 0.81, 1, 1.19, 1.2, 1.2, 1.2, 1.2]),
    ("dgpo", {"m": 1}, -1, [1.25e-4, 0.0125, 0.3125, 0.7801, 0.81, 1, 1.19, 1.21, 2, 4, 20]),
    ("dgpo", {"m": 2}, 1, [0.01, 0.1, 0.5, 0.79, 0.81, 1, 1.19, 1.205, 1.549, 2.191, 4.899]),
    ("dgpo", {"n": 2}, -1, [1.563e-6, 1.563e-3, 0.1953, 0.7704, 0.81, 1, 1.19, 1.21, 2, 4, 20]),
    ("aspo", {}, 1, [3, 3, 2, 1.266, 1.235, 1, 0.8403, 0, 0, 0, 0]),
    ("aspo", {}, -1, [0, 0, 0, 0, 0.81, 1, 1.19, 1.21, 2, 3, 3]),
    ("maspo", {}, 1, [0.01, 0.1, 0.5, 0.79, 0.81, 1, 1.179, 1.196, 1.544, 0.39, 5.6e-40]),
    ("grpo", {}, 1, [0.01, 0.1, 0.5, 0.79, 0.81, 1, 1.19, 0, 0, 0, 0]),
    ("gppo", {}, -1, [0.8, 0.8, 0.8, 0.8, 0.81, 1, 1.19, 1.21, 2, 4, 20]),
    ("ce_gppo", {"beta1": 0.75}, -1, [0.6, 0.6, 0.6, 0.6, 0.81, 1, 1.19, 1.21, 2, 4, 20]),
]


@pytest.mark.parametrize(("name", "hyper_parameters", "advantage", "row"), TABLE)
def test_weight_has_the_tabulated_values(name, hyper_parameters, advantage, row):
    actual = weights(name, RATIOS, float(advantage), **hyper_parameters)
    torch.testing.assert_close(actual, torch.tensor(row, dtype=torch.float32), rtol=1e-3, atol=1e-39)


@pytest.mark.parametrize(
    ("name", "hyper_parameters"),
    [("dgpo", {}), ("cispo", {}), ("cispo", {"one_sided": True}), ("gppo", {}), ("maspo", {}), ("sapo", {})],
)
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_weight_is_continuous_at_both_boundaries(name, hyper_parameters, advantage):
    for boundary in (LO, HI, 1.0):
        below, above = weights(name, (boundary * (1 - 1e-6), boundary * (1 + 1e-6)), advantage, **hyper_parameters)
        torch.testing.assert_close(below, above, rtol=2e-5, atol=0)


@given(n=st.integers(1, 8), m=st.integers(1, 8), low=st.floats(0.05, 0.9), high=st.floats(0.05, 5))
def test_dgpo_is_continuous_and_decays_as_its_powers_say(n, m, low, high):
    kwargs = {"n": n, "m": m, "clip_ratio_low": low, "clip_ratio_high": high}
    lo, hi = 1 - low, 1 + high
    for boundary, advantage in ((lo, -1.0), (hi, 1.0)):
        below, above = weights("dgpo", (boundary * (1 - 1e-5), boundary * (1 + 1e-5)), advantage, **kwargs)
        torch.testing.assert_close(below, above, rtol=1e-3, atol=0)
    # W halves n times when π halves in LN, and falls by 2^(1/m) when it doubles in HP
    left = weights("dgpo", (lo / 2, lo / 4), -1.0, **kwargs) / torch.tensor([2.0, 1.0])
    right = weights("dgpo", (hi * 2, hi * 4), 1.0, **kwargs) / torch.tensor([1.0, 2.0])
    assert left[1] / left[0] == pytest.approx(2.0**-n, rel=1e-3)
    assert right[1] / right[0] == pytest.approx(2.0 ** (-1 / m), rel=1e-3)


def test_dgpo_meets_gppo_and_the_unclipped_ratio_in_its_limits():
    torch.testing.assert_close(weights("dgpo", RATIOS, 1.0, m=1), weights("gppo", RATIOS, 1.0))
    torch.testing.assert_close(weights("dgpo", RATIOS, 1.0, m=10**6), torch.tensor(RATIOS), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_the_plain_policy_gradient_at_ratio_one(name):
    for advantage in (1.0, -1.0, 0.0):
        torch.testing.assert_close(weights(name, (1.0,), advantage), torch.ones(1))


def test_a_weight_without_a_cap_ends_at_e_to_the_20():
    below, above = gradient_weight("gppo", torch.tensor([19.0, 90.0]), -torch.ones(2), torch.full((2,), -1.0))
    assert below == pytest.approx(math.exp(19), rel=1e-5)
    assert above == pytest.approx(math.exp(20), rel=1e-5)


def test_weight_is_detached():
    d = torch.zeros(3, requires_grad=True)
    assert not gradient_weight("dgpo", d, torch.ones(3), torch.zeros(3)).requires_grad


BAD_VALUES = [
    ("dgpo", {"n": 0}, r"n=0 must be an integer in \[1, inf\)"),
    ("dgpo", {"m": 1.5}, r"m=1.5 must be an integer"),
    ("dgpo", {"n": True}, r"n=True must be an integer"),
    ("dgpo", {"clip_ratio_low": 1.0}, r"clip_ratio_low=1.0 must be a number in \(0, 1\)"),
    ("dgpo", {"clip_ratio_low": 0.0}, r"clip_ratio_low=0.0"),
    ("dgpo", {"clip_ratio_high": 0}, r"clip_ratio_high=0 must be a number in \(0, inf\)"),
    ("dgpo", {"clip_ratio_high": math.nan}, "clip_ratio_high=nan"),
    ("dgpo", {"clip_ratio_c": 1.0}, r"clip_ratio_c=1.0 must be a number in \(1, inf\)"),
    ("grpo", {"clip_ratio_c": 0.5}, "clip_ratio_c=0.5"),
    ("aspo", {"clip_ratio_c": None}, "clip_ratio_c=None"),
    ("cispo", {"one_sided": 1}, "one_sided=1 must be True or False"),
    ("ce_gppo", {"beta1": -0.1}, r"beta1=-0.1 must be a number in \[0, inf\)"),
    ("ce_gppo", {"beta2": "1"}, "beta2='1'"),
    ("maspo", {"sigma_base": 0.0}, "sigma_base=0.0"),
    ("maspo", {"sigma_base": 11.0}, "sigma_base=11.0"),
    ("maspo", {"alpha": -1.0}, "alpha=-1.0"),
    ("maspo", {"beta": -0.03}, "beta=-0.03"),
    ("sapo", {"tau_pos": 0.0}, "tau_pos=0.0"),
    ("dgpo", {"beta1": 1.0}, "beta1=1.0 is no hyper-parameter of 'dgpo'.*n, m"),
    ("ppo", {}, "unknown policy-loss method 'ppo'.*dgpo"),
]


@pytest.mark.parametrize(("name", "hyper_parameters", "message"), BAD_VALUES)
def test_wrong_values_are_refused_with_name_value_and_range(name, hyper_parameters, message):
    with pytest.raises(ValueError, match=message):
        weights(name, (1.0,), 1.0, **hyper_parameters)
