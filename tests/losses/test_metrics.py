"""The metrics against a plain count over the tokens."""

import math

import pytest
import torch

from dgpo.losses import METHODS, gradient_weight, policy_loss

REGIONS = ("in", "ln", "hp", "lp", "hn")


def members(old, new, advantages, mask) -> dict[str, torch.Tensor]:
    ratio = (new - old).exp()
    low, high = ratio < 0.8, ratio > 1.2
    regions = {
        "in": ~low & ~high & (advantages != 0),
        "ln": low & (advantages < 0),
        "hp": high & (advantages > 0),
        "lp": low & (advantages > 0),
        "hn": high & (advantages < 0),
    }
    return {name: region & mask for name, region in regions.items()}


@pytest.mark.parametrize("name", METHODS)
def test_metrics_are_what_a_plain_count_gives(name, make_batch):
    old, new, advantages, mask = make_batch(rows=40, width=300, seed=5)
    advantages[:3] = 0.0
    new = new.detach()
    _, metrics = policy_loss(name, old, new, advantages, mask)
    f = gradient_weight(name, new - old, advantages, old)
    w = f / new.exp()
    tokens = mask.sum().item()
    regions = members(old, new, advantages, mask)
    pull = (f * advantages).abs()
    boundary = pull[regions["ln"] | regions["hp"]].sum() / pull[mask].sum()
    share = {region: inside.sum().item() / tokens for region, inside in regions.items()}
    assert metrics["actor/region/tokens"] == tokens
    assert metrics["actor/region/zero/share"] == pytest.approx(mask[:3].sum().item() / tokens)
    assert metrics["actor/pg_clipfrac"] == pytest.approx(share["ln"] + share["hp"])
    assert metrics["actor/ppo_kl"] == pytest.approx((old - new)[mask].mean().item(), rel=1e-4)
    assert metrics["actor/boundary_gradient_mass"] == pytest.approx(boundary.item(), rel=1e-4)
    # Hard clips keep nothing there.
    assert (boundary == 0) == (name in ("grpo", "aspo")) and share["ln"] + share["hp"] > 0.1
    for region, inside in regions.items():
        assert metrics[f"actor/region/{region}/share"] == pytest.approx(share[region])
        for letter, values in (("F", f[inside]), ("W", w[inside])):
            key = f"actor/region/{region}/{letter}"
            assert metrics[f"{key}_mean"] == pytest.approx(values.mean().item(), rel=1e-4)
            assert metrics[f"{key}_max"] == pytest.approx(values.max().item(), rel=1e-4)


def test_keys_and_types_are_the_same_for_every_method_and_batch(make_batch):
    reference = policy_loss("dgpo", *make_batch())[1]
    for name in METHODS:
        for batch in (make_batch(), make_batch(rows=0)):
            metrics = policy_loss(name, *batch)[1]
            assert list(metrics) == list(reference)
            assert all(type(value) is float for value in metrics.values())


def test_no_key_is_taken_for_a_minimum_by_verl():
    """verl reduces over mini-batches by a key's letters: "max" anywhere in it is a maximum, "min" a minimum."""
    ones = torch.ones(1, 1)
    for key in policy_loss("dgpo", -ones, -ones, ones, ones)[1]:
        assert "min" not in key
        assert ("max" in key) == key.endswith("_max")


def test_cap_is_counted_where_it_holds(make_batch):
    batch = make_batch(spread=1.5)
    old, new, advantages, mask = batch
    expected = (((new - old).exp() > 3) & (advantages < 0) & mask).sum().item() / mask.sum().item()
    assert expected > 0
    for name, hyper_parameters in (("grpo", {}), ("dgpo", {"clip_ratio_c": 3.0}), ("maspo", {"clip_ratio_c": 3.0})):
        metrics = policy_loss(name, *batch, **hyper_parameters)[1]
        assert metrics["actor/pg_clipfrac_lower"] == pytest.approx(expected)
    assert policy_loss("dgpo", *batch)[1]["actor/pg_clipfrac_lower"] == 0.0


def test_weight_on_a_vanishing_probability_is_reported_up_to_its_limit():
    old, new = torch.tensor([[-190.0, -1.0]]), torch.tensor([[-200.0, -1.0]])
    metrics = policy_loss("gppo", old, new, -torch.ones(1, 2), torch.ones(1, 2))[1]
    assert metrics["actor/region/ln/W_max"] == pytest.approx(math.exp(60), rel=1e-3)
