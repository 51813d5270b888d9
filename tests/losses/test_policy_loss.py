"""The loss: its gradient is A·F·∇log π, whatever the precision, the padding and what stands in it."""

import math

import pytest
import torch

from dgpo.losses import METHODS, gradient_weight, policy_loss
from dgpo.losses.surrogate import MODES
from tests.losses.conftest import loss_and_gradient

VARIANTS = [
    *((name, {}) for name in METHODS),
    ("cispo", {"one_sided": True}),
    ("dgpo", {"n": 3, "m": 1, "clip_ratio_c": 3.0}),
    ("grpo", {"clip_ratio_c": None}),
    ("ce_gppo", {"beta1": 0.0, "beta2": 0.0}),
]


@pytest.mark.parametrize(("name", "hyper_parameters"), VARIANTS)
def test_gradient_is_advantage_times_weight(name, hyper_parameters, make_batch):
    batch = make_batch()
    old, new, advantages, mask = batch
    loss, actual = loss_and_gradient(name, batch, loss_agg_mode="token-sum", **hyper_parameters)
    expected = -advantages * gradient_weight(name, (new - old).detach(), advantages, old, **hyper_parameters) * mask
    torch.testing.assert_close(actual, expected)
    if name not in ("grpo", "sapo"):  # whose value is the paper's objective
        torch.testing.assert_close(loss, expected.sum())


@pytest.mark.parametrize(("name", "formula"), [("grpo", "clip"), ("sapo", "gate")])
def test_loss_whose_value_is_the_papers_objective_has_its_derivative(name, formula, make_batch):
    batch = make_batch(seed=4)
    old, new, advantages, mask = batch
    ratio = (new - old).exp()
    if formula == "clip":
        clipped = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
        objective = torch.where(advantages < 0, torch.maximum(clipped, 3 * advantages), clipped)
    else:
        tau = torch.where(advantages > 0, 1.0, 1.05)
        objective = advantages * torch.sigmoid(tau * (ratio - 1)) * 4 / tau
    expected_loss = -(objective * mask).sum() / mask.sum()
    (expected,) = torch.autograd.grad(expected_loss, new)
    loss, actual = loss_and_gradient(name, batch)
    torch.testing.assert_close(loss, expected_loss.detach())
    torch.testing.assert_close(actual, expected)


def test_importance_weights_of_the_sampler_scale_loss_and_gradient(make_batch):
    batch = make_batch()
    factors = torch.rand_like(batch.advantages) * 2
    _, plain = loss_and_gradient("dgpo", batch)
    _, corrected = loss_and_gradient("dgpo", batch, rollout_is_weights=factors)
    torch.testing.assert_close(corrected, plain * factors)


def test_incoming_gradient_scales_and_survives_in_place_changes_of_the_loss(make_batch):
    batch = make_batch()
    _, plain = loss_and_gradient("gppo", batch)
    batch.log_prob.grad = None
    loss, _ = policy_loss("gppo", *batch)
    loss -= 1.0  # what verl does with the entropy bonus
    (loss * 64).backward()
    torch.testing.assert_close(batch.log_prob.grad, plain * 64)


@pytest.mark.parametrize(("name", "hyper_parameters"), VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", ["token-mean", "token-sum"])
def test_finite_for_extreme_ratios_and_probabilities(name, hyper_parameters, dtype, mode):
    differences = torch.tensor([-120, -90, -40, -5, -0.1, 0, 0.1, 5, 11, 40, 90, 120.0])
    new = torch.tensor([-200, -120, -88, -10, -1e-3, 0.0])
    d, new = (grid.flatten() for grid in torch.meshgrid(differences, new, indexing="ij"))
    advantages = torch.tensor([[-1e4], [-1.0], [0.0], [1e-6], [1.0], [1e4]]).expand(-1, d.numel()).to(dtype)
    new = new.expand_as(advantages).to(dtype).contiguous().requires_grad_()
    old = (new.detach().float() - d).to(dtype)
    mask = torch.ones_like(advantages, dtype=torch.bool)
    mask[:, ::7] = False
    loss, metrics = policy_loss(name, old, new, advantages, mask, loss_agg_mode=mode, **hyper_parameters)
    loss.backward()
    assert loss.isfinite()
    assert new.grad is not None and new.grad.dtype == dtype and new.grad.isfinite().all()
    assert new.grad[~mask].count_nonzero() == 0
    assert all(map(math.isfinite, metrics.values()))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("advantage", [-1.0, 0.0, 1.0])
def test_a_probability_of_zero_gives_finite_losses_gradients_and_metrics(name, advantage):
    new = torch.tensor([[-math.inf, -1.0]], requires_grad=True)
    advantages = torch.full((1, 2), advantage)
    loss, metrics = policy_loss(name, torch.full((1, 2), -1.0), new, advantages, torch.ones(1, 2))
    loss.backward()
    assert loss.isfinite() and new.grad.isfinite().all() and all(map(math.isfinite, metrics.values()))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf, 1e38])
def test_garbage_at_masked_positions_changes_nothing(name, garbage, make_batch):
    clean = make_batch()
    factors = torch.rand_like(clean.advantages)
    expected = policy_loss(name, *clean, rollout_is_weights=factors)
    _, expected_gradient = loss_and_gradient(name, clean, rollout_is_weights=factors)
    dirty = [tensor.detach().masked_fill(~clean.response_mask, garbage) for tensor in (*clean[:3], factors)]
    old, new, advantages, dirty_factors = dirty
    new.requires_grad_()
    loss, metrics = policy_loss(name, old, new, advantages, clean.response_mask, rollout_is_weights=dirty_factors)
    loss.backward()
    assert torch.equal(loss, expected[0]) and metrics == expected[1]
    assert torch.equal(new.grad, expected_gradient)


def test_nan_at_a_response_token_is_not_hidden(make_batch):
    batch = make_batch()
    old = batch.old_log_prob.clone()
    old[0, 0] = math.nan
    loss, _ = policy_loss("dgpo", old, batch.log_prob, batch.advantages, batch.response_mask)
    assert loss.isnan()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_to_learn_from_gives_zero(name, mode, make_batch):
    batch = make_batch()
    for changed in (
        batch._replace(response_mask=torch.zeros_like(batch.response_mask)),
        batch._replace(advantages=torch.zeros_like(batch.advantages)),
        make_batch(rows=0),
    ):
        loss, actual = loss_and_gradient(name, changed, loss_agg_mode=mode)
        assert loss == 0 and actual.shape == changed.log_prob.shape and actual.count_nonzero() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_inputs_are_computed_in_float32(dtype, make_batch):
    half = make_batch()
    old, advantages = half.old_log_prob.to(dtype), half.advantages.to(dtype)
    new = half.log_prob.detach().to(dtype).requires_grad_()
    loss, _ = policy_loss("dgpo", old, new, advantages, half.response_mask)
    loss.backward()
    wide = new.detach().float().requires_grad_()
    expected, _ = policy_loss("dgpo", old.float(), wide, advantages.float(), half.response_mask)
    expected.backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(new.grad, wide.grad.to(dtype))


def test_shapes_and_masks_that_do_not_fit_are_refused(make_batch):
    old, new, advantages, mask = make_batch()
    for batch, options, says in (
        ((old, new, advantages[:, :1], mask), {}, r"advantages has shape \(6, 1\), log_prob has \(6, 40\)"),
        ((old, new, advantages, mask[:3]), {}, "response_mask has shape"),
        ((old, new, advantages, mask), {"rollout_is_weights": torch.ones(6)}, "rollout_is_weights has shape"),
        ((old[0], new[0], advantages[0], mask[0]), {}, r"must be \(B, T\)"),
        ((old, new, advantages, mask * 0.5), {}, r"response_mask holds 0\.5; it must hold only 0 and 1"),
        ((old, new, advantages, torch.where(mask, 1.0, math.nan)), {}, "response_mask holds nan"),
        ((old, new, advantages, mask), {"loss_agg_mode": "mean"}, "loss_agg_mode='mean' must be one of token-mean"),
    ):
        with pytest.raises(ValueError, match=says):
            policy_loss("dgpo", *batch, **options)
    with pytest.raises(ValueError, match="old_log_prob has shape"):
        gradient_weight("dgpo", new, advantages, old[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_numeric_masks_of_zeros_and_ones_are_masks(dtype, make_batch):
    old, new, advantages, mask = make_batch()
    expected, _ = policy_loss("dgpo", old, new, advantages, mask)
    actual, _ = policy_loss("dgpo", old, new, advantages, mask.to(dtype))
    assert torch.equal(actual, expected)
